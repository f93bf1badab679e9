"""The source tree, parsed once: what the rules of the house are checked on."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
TESTS = ROOT / "tests"


@dataclass(frozen=True)
class Module:
    """One Python file."""

    path: Path
    name: str
    """Dotted, such as `zhiyin.data.mix`."""

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def room(self) -> str:
        """`data` for `zhiyin.data.mix`; empty for a module on top of the package."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 2 or (self.path.name == "__init__.py" and len(parts) > 1) else ""

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def has_code(self) -> bool:
        """Whether there is more than a docstring."""
        return len(self.tree.body) > 1

    @property
    def lines(self) -> int:
        return len(self.text.split("\n")) - 1

    @property
    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@lru_cache
def source() -> tuple[Module, ...]:
    """Return every module of the package."""
    found = []
    for path in sorted((SRC / "zhiyin").rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        found.append(Module(path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)))
    return tuple(found)


@lru_cache
def suite() -> tuple[Module, ...]:
    """Return every file below `tests/`. (Under a name that begins with `test`, pytest would collect it.)"""
    return tuple(
        Module(path, ".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in sorted(TESTS.rglob("*.py"))
    )


@cache
def imported(module: Module) -> set[str]:
    """Return the dotted names a file imports, at any depth; `from a import b` gives `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@cache
def strings(module: Module) -> set[str]:
    """Return the string literals of a file."""
    constants = (node.value for node in ast.walk(module.tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}
