"""`zhiyin show`: what an artifact is, what it was made from, and whether it is intact."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhiyin.cli.columns import padded, width
from zhiyin.cli.options import STORE, StoreFolder
from zhiyin.cli.tokens import print_tokens
from zhiyin.locale.words import counted, retell, say

if TYPE_CHECKING:
    from rich.console import Console

    from zhiyin.execution.artifact import Manifest

ArtifactName = Annotated[
    str,
    typer.Argument(
        metavar="ARTIFACT",
        help="A folder, a link in runs/, a label, or the beginning of a name such as train-3fa9.",
        show_default=False,
    ),
]

SHOWN_FLIPS = 40
"""Flipped items printed, at most."""


def show(artifact: ArtifactName, store: StoreFolder = STORE) -> None:
    """Show the record of an artifact and check every byte of it; exits with 1 if it is damaged."""
    from zhiyin.cli.exits import FAILED, REFUSED, leave
    from zhiyin.cli.resolve import resolve
    from zhiyin.cli.terminal import console
    from zhiyin.execution.artifact import Artifact

    try:
        folder = resolve(artifact, store)
    except LookupError as error:
        leave(str(error.args[0]), REFUSED)
    found = Artifact(folder)
    _print(console(), folder, found.manifest)
    if found.manifest.kind == "gate":
        _flipped(console(), folder)
    if found.manifest.kind == "inspect_records":
        print_tokens(console(), folder)
    if damage := found.damage(thorough=True):
        leave(f"Damaged: {damage}. Remove {folder} and run the recipe again to make it anew.", FAILED)
    intact = counted(
        "Intact: the one file has the bytes that were committed.",
        "Intact: all {number} files have the bytes that were committed.",
        len(found.manifest.files),
    )
    console().print(intact)


def _print(out: "Console", folder: Path, manifest: "Manifest") -> None:
    from zhiyin.cli.units import size

    version = say("({kind}, version {version})", kind=manifest.kind, version=manifest.version)
    out.print(f"{manifest.label}  {version}", style="bold")
    out.print(f"{folder}")
    _section(out, say("Config"), manifest.config)
    _section(out, say("Inputs"), {name: f"{_label(folder.parent / at)} ({at})" for name, at in manifest.inputs.items()})
    _section(out, say("Summary"), _retold(manifest.summary))
    files = {
        name: f"{size(record.size):>9}  {record.role}  sha256 {record.sha256[:12]}"
        for name, record in manifest.files.items()
    }
    total = size(sum(record.size for record in manifest.files.values()))
    _section(out, say("Files, {size} in all", size=total), files)
    _section(out, say("Made"), _readable(manifest.provenance))


def _flipped(out: "Console", folder: Path) -> None:
    """Print the items that only one side of a comparison got right, those that were lost first."""
    from zhiyin.artifacts import Verdict

    flips = sorted(Verdict(folder).flips, key=lambda one: (one.measure, one.after > one.before))
    out.print(say("Flipped items, {count} in all", count=len(flips)), style="bold")
    for one in flips[:SHOWN_FLIPS]:
        change = say("right -> wrong") if one.after < one.before else say("wrong -> right")
        out.print(f"  {change}  {one.measure}  {one.prompt_id}" + (f"  ({one.group})" if one.group else ""))
    if len(flips) > SHOWN_FLIPS:
        rest = say("{count} more are in {file}", count=len(flips) - SHOWN_FLIPS, file=folder / "flipped.jsonl")
        out.print(f"  {rest}")


def _section(out: "Console", title: str, values: dict[str, Any], indent: int = 2) -> None:
    """Print a mapping, one line a value; a mapping inside is laid out below its key."""
    from zhiyin.cli.units import brief

    if title:
        out.print(title if values else say("{title}: none", title=title), style="bold")
    columns = max((width(name) for name, value in values.items() if not isinstance(value, dict)), default=0)
    for name, value in values.items():
        if isinstance(value, dict) and value:
            out.print(f"{' ' * indent}{name}:")
            (_table if _is_table(value) else _section)(out, "", value, indent + 2)
        else:
            out.print(f"{' ' * indent}{padded(name, columns)}  {brief(value)}")


def _is_table(values: dict[str, Any]) -> bool:
    """Tell whether every value is a mapping with the same keys, and nothing inside it."""
    rows = list(values.values())
    if not all(isinstance(row, dict) and row and row.keys() == rows[0].keys() for row in rows):
        return False
    return not any(isinstance(value, dict) for row in rows for value in row.values())


def _table(out: "Console", _: str, values: dict[str, Any], indent: int) -> None:
    """Print mappings of the same keys as the rows of a table."""
    from zhiyin.cli.units import brief

    names = next(iter(values.values())).keys()
    rows = [["", *names], *([name, *(brief(row[each]) for each in names)] for name, row in values.items())]
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for head, *cells in rows:
        line = "".join(" " * (2 + size - width(cell)) + cell for cell, size in zip(cells, widths[1:], strict=True))
        out.print(f"{' ' * indent}{padded(head, widths[0])}{line}")


def _retold(value: Any) -> Any:
    """Retell the sentences of a summary, such as warnings and reasons of rejection; single words are names."""
    if isinstance(value, dict):
        return {_retold(key): _retold(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_retold(inner) for inner in value]
    return retell(value) if isinstance(value, str) and " " in value else value


def _readable(provenance: dict[str, Any]) -> dict[str, Any]:
    """Write seconds and bytes as people read them; everything else stays."""
    from zhiyin.cli.units import duration, size

    return {
        name.removesuffix("_bytes"): duration(value)
        if name in ("seconds", "cpu_seconds")
        else size(value)
        if name.endswith("_bytes")
        else value
        for name, value in provenance.items()
    }


def _label(folder: Path) -> str:
    from zhiyin.execution.artifact import MANIFEST, Manifest

    return Manifest.read(folder).label if (folder / MANIFEST).is_file() else say("gone from the store")
