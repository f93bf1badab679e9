"""Everything the package says to people is said in Chinese too: found by reading the code, not by remembering."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import polib
import pytest
from tests.house.sentences import VALUE, Sentence, said, sentences
from tests.house.tree import SRC, Module, source, strings

from zhiyin.locale.words import DOMAIN, FOLDER, words

ZH = words("zh")
CATALOGUE = polib.pofile(str(FOLDER / "zh" / "LC_MESSAGES" / f"{DOMAIN}.po"))
TOLD: dict[str, str] = {entry.msgid: entry.msgstr or entry.msgstr_plural[0] for entry in CATALOGUE}
HAN = re.compile(r"[一-鿿]")

# Prose that no reader is told: what models are trained on, names of groups in the data, words of other languages.
UNTOLD = {
    "zhiyin.chat.templates.alpaca": "prompts",
    "zhiyin.chat.templates.alpaca_legacy": "prompts",
    "zhiyin.chat.templates.vigogne_style": "prompts",
    "zhiyin.evaluation.alpaca_judge": "prompts",
    "zhiyin.evaluation.arena_judge": "prompts",
    "zhiyin.evaluation.gsm8k_shots": "prompts",
    "zhiyin.evaluation.own_tasks": "prompts",
    "zhiyin.evaluation.protocols.llamafactory": "prompts",
    "zhiyin.evaluation.protocols.harness": "prompts",
    "zhiyin.evaluation.protocols.official": "prompts",
    "zhiyin.evaluation.protocols.opencompass": "prompts",
    "zhiyin.evaluation.zero_eval": "prompts",
    "zhiyin.evaluation.subjects": "names of groups, as CMMLU gives them",
    "zhiyin.data.generator.figures": "what seeds a draw",
    "zhiyin.data.generator.pairs": "what seeds a draw",
    "zhiyin.cli.columns": "a pattern with its comments",
}
UNTOLD_TEXTS = {
    "else if": "Go's template language",
    "`is_gradient_checkpointing` is deprecated": "a message that is silenced",
    "The following rank_pattern keys did not match": "a message that is silenced",
    "torch.distributed is disabled, unavailable or uninitialized": "a message that is silenced",
    "bold red": "a style of Rich",
    "The answer is (-?[0-9.,]+).": "a pattern",
    "Bearer {0}": "a header",
    "以下是{0}个类似 ChatGPT 的系统的输出。请以 {1} 分制为每一项打分，并给出解释以证明您的分数。"
    "输出结果格式为：System 分数；System 解释。": "a prompt",
    "chinese number": "the name of a rule",
    "cuda:{0} {1}, {2}": "names and numbers",
    "pip install 'zhiyin[train]'": "a command",
    "pip install 'zhiyin[{0}]'": "a command",
    "pip install zhiyin": "a command",
    "rendered by": "the beginning of a fact that is told as a whole",
    "poetry task": "what seeds a draw",
    "poetry wording": "what seeds a draw",
    "a shape that is wrong was noted, so `settle` raised": "an assertion",
    "each record can be written by itself": "an assertion",
    "The conversation between human and AI assistant.": "how the data begins",
    "takes a mapping": "looked for in a message",
    "can't allocate memory": "looked for in a message",
    "out of memory": "looked for in a message",
    "half of a surrogate pair, as \\ud800 is alone": "looked for in a message",
    "{0} h {1} min": "units",
    "{0} min {1} s": "units",
    "zhiyin {0}": "the version",
    "{0} compared": "a label",
    "^class Config\\(StepConfig\\):": "a pattern",
    "default-src 'none'; base-uri 'none'; style-src 'unsafe-inline'; script-src 'sha256-{0}'": "a browser's policy",
    "Step[Artifact] | Mapping[str, Step[Artifact]]": "a type",
}

# What libraries say to users of the command line, and sentences that the code puts together from single words. Each
# stands for the entry of the catalogue that it must be recognised by.
HEARD = {
    "[OPTIONS]": "[OPTIONS]",
    "COMMAND [ARGS]...": "COMMAND [ARGS]...",
    "Show this message and exit.": "Show this message and exit.",
    "required": "required",
    "default: auto": "default: {0}",
    "Missing argument 'RECIPE'.": "Missing argument '{0}'.",
    "Missing command.": "Missing command.",
    "No such command 'x'.": "No such command {0}.",
    "No such command 'rum'. Did you mean 'run'?": "No such command {0}. Did you mean {1}?",
    "No such option: -x": "No such option: {0}",
    "No such option: --stor (Possible options: --store)": "No such option: {0} (Possible options: {1})",
    "Invalid value for '--workers': x": "Invalid value for {0}: {1}",
    "Option '--until' requires an argument.": "Option {0} requires an argument.",
    "Got unexpected extra argument(s) (b)": "Got unexpected extra argument(s) ({0})",
    "Input should be greater than or equal to 1": "Input should be greater than or equal to {0}",
    "Input should be a valid integer, unable to parse string as an integer": (
        "Input should be a valid integer, unable to parse string as an integer"
    ),
    "Input should be a valid number, unable to parse string as a number": (
        "Input should be a valid number, unable to parse string as a number"
    ),
    "No module named 'torch'": "No module named {0}",
    "[Errno 28] No space left on device": "[Errno {0}] {1}",
    "No space left on device": "No space left on device",
    "Read-only file system": "Read-only file system",
    "Input/output error": "Input/output error",
    "No such file or directory": "No such file or directory",
    "Permission denied": "Permission denied",
    "Is a directory": "Is a directory",
    "Not a directory": "Not a directory",
    "exact duplicate": "exact duplicate",
    "near duplicate": "near duplicate",
    "rendered by gemma2 -> llama3": "rendered by {0}",
    "max_new_tokens 80 -> 40, rendered by gemma2 -> llama3": "{0}, rendered by {1}",
    "a rise": "a rise",
    "a fall": "a fall",
    "config.a: (none) -> 3": "{0}: (none) -> {1}",
    "config.a: 3 -> (none)": "{0}: {1} -> (none)",
    "a number": "a number",
    "a mapping": "a mapping",
    "a list": "a list",
    "a path": "a path",
    "a date": "a date",
    "1 or 2": "{0} or {1}",
    "true or false or a whole number": "true or false or {0}",
    "a number or text": "{0} or text",
    "a list or nothing": "{0} or nothing",
    "expected text, got 3": "expected text, got {0}",
    "expected nothing, got 3": "expected nothing, got {0}",
    "expected a number, got nothing": "expected {0}, got nothing",
    "must be at least 1, got nothing": "{0}, got nothing",
    "unknown key; known are none": "unknown key{0}; known are none",
    "no step of export is called 'x'; there are none": "{0}; there are none",
    "no variable is called 'x'; there are seed": "no variable is called {0}; there are {1}",
    "no label is called 'x'; there are sft": "no label is called {0}; there are {1}",
    "store/a has no input 'x'; it has none": "{0} has no input {1}; it has none",
    "b reads c reads b": "{0} reads {1}",
    "trailing characters": "trailing characters",
}
PLACEHOLDERS = {"KEY=VALUE", "SECTION|FAMILY|NAME|artifacts"}


def ready_to_paste(missing: set[str]) -> str:
    """Return what `make words` needs: JSON to fill in."""
    return json.dumps(dict.fromkeys(sorted(missing), ""), ensure_ascii=False, indent=0)


@cache
def looked_up() -> dict[str, tuple[str, ...]]:
    """Return every message given to `say`, `counted` or a template's `t`, with where it stands."""
    found: dict[str, tuple[str, ...]] = {}
    for module in source():
        for line, texts in said(module):
            if texts is not None:
                found[texts[0]] = (*found.get(texts[0], ()), f"{module.name}:{line}")
    for file in sorted((SRC / "zhiyin").rglob("templates/*")):
        if file.suffix in (".j2", ".js"):
            for double, single in re.findall(
                r"""(?<![\w.])t\(\s*(?:"([^"\\]*)"|'([^'\\]*)')""", file.read_text("utf-8")
            ):
                found[double or single] = (*found.get(double or single, ()), file.name)
    return found


@cache
def made_in_rooms() -> dict[str, Sentence]:
    """Return every sentence that the code makes in English and the surface retells."""
    return {
        each.text: each
        for module in source()
        if module.name not in UNTOLD
        for each in sentences(module)
        if each.text not in UNTOLD_TEXTS
    }


@cache
def help_texts() -> set[str]:
    """Return the help texts and placeholders of the whole command tree."""
    from typer.main import get_command

    from zhiyin.cli.app import app

    def texts(command: Any) -> set[str]:
        found = {command.help, *(parameter.help for parameter in command.params)}
        found |= {parameter.metavar for parameter in command.params}
        return found.union(*map(texts, getattr(command, "commands", {}).values()))

    return texts(get_command(app)) - {None, ""}


@cache
def described() -> set[str]:
    """Return every sentence that `zhiyin ls` shows: of groups, of their members and sizes, and of the fields of each.

    What a recipe must have of its own is described too, when it is missing.
    """
    from zhiyin.cli.catalogue import facts, fields, groups
    from zhiyin.recipe.config import Entry, RecipeFile

    required = (info for model in (RecipeFile, Entry) for info in model.model_fields.values() if info.is_required())
    found = {info.description or "" for info in required}
    for group in groups():
        found |= {group.sentence, *map(group.sentence_of, group.members)}
        found |= {field.sentence for member in group.members for field in fields(group, member)}
        found |= {known.size for member in group.members if (known := facts(group, member))}
    return found - {""}


def test_what_is_looked_up_stands_there_as_it_is() -> None:
    """A message that is put together first could not be found by reading, nor by gettext."""
    odd = [
        f"{module.name}:{line}"
        for module in source()
        if module.name not in ("zhiyin.locale.words", "zhiyin.report.rendering")
        for line, texts in said(module)
        if texts is None
    ]
    assert odd == []
    assert len(looked_up()) >= 200


def test_what_is_looked_up_is_translated() -> None:
    missing = set(looked_up()) - TOLD.keys()
    assert not missing, ready_to_paste(missing)


def test_help_texts_are_translated() -> None:
    assert len(help_texts()) >= 30
    missing = help_texts() - TOLD.keys() - {"N", "S"}
    assert not missing, ready_to_paste(missing)


def test_what_ls_shows_is_translated() -> None:
    assert len(described()) >= 180
    missing = described() - TOLD.keys()
    assert not missing, ready_to_paste(missing)


def test_what_rooms_say_is_translated() -> None:
    assert len(made_in_rooms()) >= 300
    missing = set(made_in_rooms()) - TOLD.keys()
    assert not missing, ready_to_paste(missing)


def test_what_progress_counts_is_translated() -> None:
    """Units and the names of facts may be single words, which are no prose."""
    calls = [
        node
        for module in source()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("report", "progress.report")
    ]
    given = [each for call in calls for each in (*call.args, *(keyword.value for keyword in call.keywords))]
    named = [key for each in given if isinstance(each, ast.Dict) for key in each.keys]
    counted = {
        each.value for each in (*given, *named) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }
    assert counted >= {"steps", "answers", "loss", "tokens/s"}
    assert counted <= TOLD.keys(), ready_to_paste(counted - TOLD.keys())


def filled(text: str, begin: int = 0) -> str:
    """Put a name, which no sentence of the catalogue is, where each value stands."""
    return VALUE.sub(lambda found: f"v{int(found[0][1:-1]) + begin}", text)


def test_every_sentence_is_recognised_by_the_right_entry() -> None:
    wrong = {
        text: ZH.retell(filled(text))
        for text in made_in_rooms()
        if ZH.retell(filled(text)) != filled(TOLD.get(text, ""))
    }
    assert wrong == {}


@pytest.mark.parametrize("text", HEARD)
def test_what_is_heard_from_elsewhere_is_told(text: str) -> None:
    assert HEARD[text] in TOLD
    assert ZH.retell(text) != text
    values = VALUE.sub("(.*)", re.escape(HEARD[text]).replace(r"\{", "{").replace(r"\}", "}"))
    assert re.fullmatch(values, text)


def test_every_exception_is_one() -> None:
    every = [each for module in source() for each in sentences(module)]
    assert {each.module for each in every} >= UNTOLD.keys()
    assert {each.text for each in every} >= UNTOLD_TEXTS.keys()
    assert not UNTOLD_TEXTS.keys() & TOLD.keys()


def test_nothing_in_the_catalogue_is_unused() -> None:
    literals: set[str] = set().union(*(strings(module) for module in source()))
    known = {*looked_up(), *help_texts(), *described(), *made_in_rooms(), *HEARD.values(), *literals}
    assert TOLD.keys() - known == set()


def names(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)", text))


def test_translations_have_the_values_of_the_message() -> None:
    wrong = {known: told for known, told in TOLD.items() if set(names(told)) != set(names(known)) - {"number"}}
    plural = {entry.msgid for entry in CATALOGUE if entry.msgid_plural}
    assert {known: told for known, told in wrong.items() if known not in plural} == {}
    assert all(set(names(TOLD[known])) == set(names(known)) | {"number"} for known in plural)


def test_the_catalogue_is_whole() -> None:
    assert [entry.msgid for entry in CATALOGUE if entry.fuzzy or entry.obsolete or not TOLD[entry.msgid]] == []
    assert [entry.msgid for entry in CATALOGUE] == sorted(entry.msgid for entry in CATALOGUE)


def test_the_compiled_catalogue_is_what_make_words_makes(tmp_path: Path, repository: Path) -> None:
    [recipe] = re.findall(r"^words:.*\n\t(.*)$", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    code = re.search(r"-c '([^']*)'", recipe)
    assert code is not None
    folder = tmp_path / "src/zhiyin/locale/zh/LC_MESSAGES"
    folder.mkdir(parents=True)
    here = FOLDER / "zh" / "LC_MESSAGES"
    (folder / f"{DOMAIN}.po").write_bytes((here / f"{DOMAIN}.po").read_bytes())
    subprocess.run([sys.executable, "-c", code[1]], cwd=tmp_path, check=True)
    assert (folder / f"{DOMAIN}.mo").read_bytes() == (here / f"{DOMAIN}.mo").read_bytes()


# Values that are always Chinese words, or empty.
WORDS_FOR_VALUES = {
    "; expected {expectation}: NO",
    "; expected {expectation}: yes",
    "{0}: {1} of {2} rows rejected ({3}, max_rejected is {4}), {5} records kept{6}",
}

# Names, commands, code and units inside a Chinese sentence.
_LITERAL = re.compile(r"`[^`]*`|'[^']*'|\{[^}]*\}|\S*[/_=<>.@\\]\S*|--?\w[\w-]*")


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        ("no space between Chinese and a Latin word or number", r"[一-鿿][A-Za-z0-9]|[A-Za-z0-9%][一-鿿]"),
        ("no space between Chinese and code", r"[一-鿿]`|`[一-鿿]"),
        ("ASCII comma, semicolon, question or exclamation mark", r"[一-鿿）”][,;?!]|[,;?!] ?[一-鿿]"),
        ("ASCII colon after Chinese", r"[一-鿿]:"),
        ("ASCII brackets around Chinese", r"\([^()]*[一-鿿]|[一-鿿][^()]*\)"),
        ("English period", r"[一-鿿]\.(?!\w)"),
        ("a space beside a full-width mark", r" [，。；：？！、）]|[，。；：？！、（] "),
        ("ASCII quotation marks around Chinese", r"\"[一-鿿]|[一-鿿]\""),
    ],
)
def test_chinese_is_set_as_chinese_is(rule: str, pattern: str) -> None:
    set_texts = {
        known: told if "`" in pattern else _LITERAL.sub("–" if known in WORDS_FOR_VALUES else "x", told)
        for known, told in TOLD.items()
        if HAN.search(told)
    }
    assert [TOLD[known] for known, text in set_texts.items() if re.search(pattern, text)] == [], rule


def test_a_value_that_is_a_word_stands_without_a_space() -> None:
    assert TOLD.keys() >= WORDS_FOR_VALUES
    assert all(re.search(r"[一-鿿]\{\w+\}", TOLD[known]) for known in WORDS_FOR_VALUES)


def test_a_sentence_ends_as_the_message_does() -> None:
    """A Chinese full stop where the message is a whole sentence with its period, and only there."""
    wrong = [
        known
        for known, told in TOLD.items()
        if HAN.search(told) and known.endswith(".") != told.endswith("。") and not known.endswith("...")
    ]
    assert wrong == []


SAMPLE = '''
"""No sentence: a docstring."""
def f(x: "Step or None") -> "a type":
    """Nor this."""
    raise ValueError(f"no {x!r}{near} in {x:>4}; there are {', '.join(x) or 'only these'}" "!")
    y = " (did you mean it?)" if x else "; so there"
    g(say("said by name"), "word", "two words\\nof  x", f"{x} {y}", "{% if so %} no more", "at least {gt}")
'''


def test_sentences_are_found(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text(SAMPLE, encoding="utf-8")
    found = {each.text for each in sentences(Module(file, "sample"))}
    assert found == {
        "no {0} in {1}; there are {2}!",
        "only these",
        "{0} (did you mean it?)",
        "{0}; so there",
        "two words",
        "at least {0}",
    }
    assert list(said(Module(file, "sample"))) == [(7, ("said by name",))]
