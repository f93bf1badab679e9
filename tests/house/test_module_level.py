"""Importing a module does nothing: no I/O, no registration, and no heavy library unless it was called for."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.house.tree import Module, source

HEAVY = {"torch", "transformers", "peft", "accelerate", "matplotlib", "scipy", "statsmodels", "polars", "jinja2"}

# Modules inside a room that load such a library when they are imported. Only functions import them, once they run.
INSIDE_A_ROOM = {
    "zhiyin.evaluation.paired",
    "zhiyin.evaluation.significance",
    "zhiyin.evaluation.tally",
    "zhiyin.inference.choices",
    "zhiyin.inference.generation",
    "zhiyin.inference.prefixes",
    "zhiyin.inference.token_scores",
    "zhiyin.report.rendering",
    "zhiyin.training.attention",
    "zhiyin.training.attention_flex",
    "zhiyin.training.attention_segments",
    "zhiyin.training.attention_trial",
    "zhiyin.training.attention_varlen",
    "zhiyin.training.batches",
    "zhiyin.training.callbacks",
    "zhiyin.training.checkpoints",
    "zhiyin.training.forecast",
    "zhiyin.training.layout",
    "zhiyin.training.logprobs",
    "zhiyin.training.memory",
    "zhiyin.training.parallel",
    "zhiyin.training.reference",
    "zhiyin.training.step_down",
    "zhiyin.training.trainer",
    "zhiyin.training.vocabulary",
    "zhiyin.training.work",
    "zhiyin.weights.blocks",
    "zhiyin.weights.fused",
    "zhiyin.weights.head",
    "zhiyin.weights.tokens",
}

# Typer's app is made of the verbs when the command line is imported: the one registration there is.
ENTRY_POINT = "zhiyin.cli.app"

# Calls that only make a value.
CONSTRUCTORS = {
    *("TypeVar", "ContextVar", "NewType", "ParamSpec", "namedtuple", "Path", "PurePosixPath", "Fraction", "Decimal"),
    *("frozenset", "set", "dict", "tuple", "list", "range", "zip", "enumerate", "sorted", "len", "ord", "chr", "str"),
    *("compile", "maketrans", "fromkeys", "split", "join", "items", "values", "keys", "MappingProxyType", "slice"),
    *("choice", "Field", "PrivateAttr", "ConfigDict", "BeforeValidator", "AfterValidator", "PlainSerializer"),
    *(
        "field",
        "Option",
        "Argument",
        "sum",
        "max",
        "min",
        "int",
        "float",
        "timedelta",
        "date",
        "product",
        "removeprefix",
    ),
}
DECORATORS = {
    *("property", "cached_property", "classmethod", "staticmethod", "abstractmethod", "overload", "override", "final"),
    *("dataclass", "contextmanager", "lru_cache", "cache", "wraps", "runtime_checkable", "setter", "total_ordering"),
    *("field_validator", "model_validator", "model_serializer", "field_serializer", "computed_field"),
    *("no_grad", "inference_mode"),
}


def own_names(module: Module) -> set[str]:
    """Return what the package itself defines and the module may compute a constant with.

    That such a function touches no file is shown by `test_importing_opens_no_file`.
    """
    names = {node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zhiyin."):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of an expression; what stands in a lambda is not called yet."""
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda):
            yield from calls(child)


def called(node: ast.expr) -> str:
    """Return the last name of what is called: `c` of `a.b.c(...)`."""
    target = node.func if isinstance(node, ast.Call) else node
    return target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else "?"


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def deeds(body: list[ast.stmt], allowed: set[str]) -> Iterator[str]:
    """Yield each statement that does something when the module is imported, with its line."""
    for node in body:
        where = f"line {node.lineno}: {ast.unparse(node).split(chr(10))[0][:80]}"
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass) or is_type_checking(node) or is_main(node):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not {called(each) for each in node.decorator_list} <= DECORATORS:
                yield where
            if isinstance(node, ast.ClassDef):
                yield from deeds(node.body, allowed | {node.name})
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            if not {called(each) for each in calls(node)} <= allowed:
                yield where
        else:
            yield where


def test_a_module_only_defines() -> None:
    found = {
        module.name: list(deeds(module.tree.body, CONSTRUCTORS | own_names(module)))
        for module in source()
        if module.name != ENTRY_POINT
    }
    assert len(found) >= 100
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "print('x')",
        "DATA = open('x').read()",
        "TABLE = Path('x').read_text()",
        "for name in ():\n    pass",
        "@register\ndef f(): ...",
        "class A:\n    size = open('x')",
        "if True:\n    import torch",
    ],
)
def test_a_deed_is_seen(line: str) -> None:
    assert list(deeds(ast.parse(line).body, CONSTRUCTORS))


def top_imports(module: Module) -> set[str]:
    """Return the packages imported when the module is."""
    found: set[str] = set()
    for node in module.tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def top_modules(module: Module) -> set[str]:
    """Return the modules of the package that are imported when this one is."""
    found: set[str] = set()
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & {each.name for each in source()}


def test_heavy_libraries_stand_on_top_only_inside_a_room() -> None:
    direct = {module.name for module in source() if top_imports(module) & HEAVY}
    through = {module.name for module in source() if top_modules(module) & INSIDE_A_ROOM}
    assert direct | through == INSIDE_A_ROOM
    assert len(INSIDE_A_ROOM) <= 30


LIGHT = [module.name for module in source() if module.name not in {*INSIDE_A_ROOM, "zhiyin.__main__"}]


def import_all(code: str, environment: dict[str, str]) -> dict[str, list[str]]:
    """Run code in a new process that imports the light modules; it prints what it found as JSON."""
    assert len(LIGHT) >= 100
    arguments = [sys.executable, "-c", code, json.dumps(LIGHT), json.dumps(sorted(HEAVY))]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_importing_loads_no_heavy_library(child_environment: dict[str, str]) -> None:
    """Directly or through another module; each culprit is named with what it loads."""
    code = """
import importlib, json, sys
names, heavy = map(json.loads, sys.argv[1:])
culprits, seen = {}, set()
for name in names:
    importlib.import_module(name)
    if new := {each for each in heavy if each in sys.modules} - seen:
        culprits[name] = sorted(new)
        seen |= new
print(json.dumps(culprits))
"""
    assert import_all(code, child_environment) == {}


WATCHER = """
import importlib, json, sys
from pydantic import BaseModel
class Warm(BaseModel):
    "The first model makes pydantic look for plug-ins of its own."
deeds = {}
def hook(event, arguments):
    if event.split(".")[0] not in ("open", "os", "socket", "subprocess", "shutil"):
        return
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("importlib._bootstrap"):
            return
        if str(arguments[0]).endswith(".py"):
            return  # pydantic reads the sentences under the fields
        if name.split(".")[0] in ("zhiyin", "__main__"):
            deeds.setdefault(name, []).append(f"{event} {arguments[0]}")
            return
        frame = frame.f_back
sys.addaudithook(hook)
"""


def test_importing_opens_no_file(child_environment: dict[str, str]) -> None:
    """Nor does it start a process, or speak to a network; seen by Python's own audit events."""
    every = "for name in json.loads(sys.argv[1]):\n    importlib.import_module(name)"
    assert import_all(f"{WATCHER}\n{every}\nprint(json.dumps(deeds))", child_environment) == {}


def test_an_opened_file_is_seen(child_environment: dict[str, str]) -> None:
    opening = "import pathlib\npathlib.Path(sys.executable).open('rb').close()"
    found = import_all(f"{WATCHER}\n{opening}\nprint(json.dumps(deeds))", child_environment)
    assert found == {"__main__": [f"open {sys.executable}"]}
