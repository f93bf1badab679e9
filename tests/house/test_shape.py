"""Sizes and names: files, functions, parameters, docstrings."""

import ast
import io
import tokenize
from pathlib import Path

from tests.house.tree import Module, source, suite

FORBIDDEN = {"utils", "helpers", "common", "misc", "base", "manager", "tools", "constants"}

# Signatures imposed from outside: Typer reads the options of a verb of the command line from its parameters, and a
# recipe names each artifact that a page shows or a training reads. Each must really be too long, or it leaves the list.
IMPOSED = {
    ("zhiyin.cli.evaluate", "evaluate"),
    ("zhiyin.cli.run", "run"),
    ("zhiyin.report.page", "page"),
    ("zhiyin.training.train", "train"),
}


def code_lines(module: Module) -> int:
    """Count lines that hold code: no blank line, comment or docstring."""
    kept = ast.parse(module.text)
    counted: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            counted.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(kept):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            counted.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len([number for number in counted if module.text.split("\n")[number - 1].strip()])


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Name what a caller thinks of. `out` and `runtime` of a verb come from the runner, like `self` from Python."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    names = [each.arg for each in named if each.arg not in ("self", "cls")]
    verb = names[:3] == ["config", "out", "runtime"]
    return [name for name in names if not (verb and name in ("out", "runtime"))]


def test_the_tree_was_found() -> None:
    assert len(source()) >= 100
    assert len(suite()) >= 50
    assert {module.room for module in source()} >= {
        *("cli", "recipe", "data", "training", "inference", "evaluation", "report", "weights", "chat"),
        *("execution", "records", "text"),
    }


def test_no_file_is_above_400_lines() -> None:
    assert {module.name: module.lines for module in (*source(), *suite()) if module.lines > 400} == {}


def test_nine_files_of_ten_are_at_most_220_lines() -> None:
    lines = sorted(module.lines for module in source())
    assert lines[int(len(lines) * 0.9)] <= 220


def test_the_execution_core_is_at_most_600_code_lines() -> None:
    counts = {module.name: code_lines(module) for module in source() if module.room == "execution"}
    assert len(counts) == 12
    assert sum(counts.values()) <= 600, counts


def test_code_lines_are_counted_as_said(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text(
        '"""Doc\nstring."""\n\n# why\nx = 1  # because\n\n\ndef f():\n    """Say."""\n    return (\n        x\n    )\n'
    )
    assert code_lines(Module(file, "x")) == 5


def test_no_function_is_above_60_lines() -> None:
    sizes = {
        f"{module.name}.{function.name}": (function.end_lineno or function.lineno) - function.lineno + 1
        for module in source()
        for function in module.functions
    }
    assert len(sizes) > 500
    assert {name: size for name, size in sizes.items() if size > 60} == {}


def test_no_function_takes_more_than_six_parameters() -> None:
    found = [
        (module.name, function.name, len(parameters(function))) for module in source() for function in module.functions
    ]
    assert len(found) > 500
    wide = {(module, name) for module, name, count in found if count > 6}
    assert wide == IMPOSED
    assert len(IMPOSED) <= 4


def test_a_sentence_stands_on_top_of_every_file() -> None:
    first = {module.name: (ast.get_docstring(module.tree) or "").split("\n\n")[0] for module in source()}
    assert [name for name, sentence in first.items() if not sentence.endswith((".", "。", "!", "?", ":"))] == []


def test_no_name_says_nothing() -> None:
    files = (*source(), *suite())
    assert [module.name for module in files if FORBIDDEN & set(module.name.split("."))] == []


def test_nothing_is_left_undone() -> None:
    words = ("TODO", "FIXME", "XXX", "NotImplementedError")
    assert [(module.name, word) for module in source() for word in words if word in module.text] == []
