"""The settings of the tools are as strict as the house says, and stay so."""

import ast
import configparser
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.house.tree import source, suite

MARKERS = {"slow", "gpu", "network", "browser", "peer"}
# One `ignore` line for each foreign module and message.
IGNORED_WARNINGS = 1


@pytest.fixture(scope="module")
def tool(repository: Path) -> dict[str, Any]:
    settings: dict[str, Any] = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    return settings


def test_markers_are_strict_and_these(tool: dict[str, Any]) -> None:
    options = tool["pytest"]["ini_options"]
    assert "--strict-markers" in options["addopts"]
    assert "--strict-config" in options["addopts"]
    assert "-ra" in options["addopts"].split()
    assert {line.partition(":")[0] for line in options["markers"]} == MARKERS


def test_a_warning_is_an_error_and_exceptions_are_counted(tool: dict[str, Any]) -> None:
    filters = tool["pytest"]["ini_options"]["filterwarnings"]
    assert filters[0] == "error"
    ignored = filters[1:]
    assert len(ignored) == IGNORED_WARNINGS
    # action:message:category:module, with a message or a module named
    assert all(line.startswith("ignore:") and any(line.split(":")[1::2]) for line in ignored)


def test_mypy_is_strict_and_relaxed_by_library_alone(tool: dict[str, Any]) -> None:
    settings = tool["mypy"]
    assert settings["strict"] is True
    assert {"src", "tests"} <= set(settings["files"])
    assert all(set(each) == {"module", "ignore_missing_imports"} for each in settings.get("overrides", []))


def test_the_layers_have_no_exceptions(repository: Path) -> None:
    contracts = configparser.ConfigParser()
    contracts.read(repository / ".importlinter", encoding="utf-8")
    sections = [name for name in contracts.sections() if name.startswith("importlinter:contract:")]
    assert len(sections) == 14
    assert not [name for name in contracts.sections() if "ignore_imports" in contracts[name]]
    assert contracts["importlinter:contract:floors"]["exhaustive"] == "True"


def test_no_test_excuses_itself() -> None:
    """A test that cannot run says so in a `skipif` with its reason, where it can be counted."""
    excuses = {"pytest.skip", "pytest.xfail", "pytest.mark.xfail", "pytest.mark.skip", "pytest.importorskip"}
    found = [
        (test.name, node.lineno)
        for test in suite()
        for node in ast.walk(test.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in excuses
    ]
    assert found == []


def test_every_skip_has_its_reason() -> None:
    conditions = [
        node
        for test in suite()
        for node in ast.walk(test.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.skipif"
    ]
    assert len(conditions) >= 3
    assert [ast.unparse(node) for node in conditions if "reason" not in {key.arg for key in node.keywords}] == []


def test_no_check_is_switched_off_for_a_whole_file() -> None:
    comments = ("# mypy: ignore-errors", "# type: ignore\n", "# ruff: noqa", "# flake8: noqa")
    found = [
        (module.name, comment)
        for module in (*source(), *suite())
        for comment in comments
        if comment in module.text and module.name != "tests.house.test_settings"
    ]
    assert found == []


def test_tests_have_no_init_files(repository: Path) -> None:
    assert list((repository / "tests").rglob("__init__.py")) == []
