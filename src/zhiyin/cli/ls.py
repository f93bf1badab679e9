"""`zhiyin ls`: the words a recipe may use, and the artifacts in the store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiyin.cli.columns import padded, width
from zhiyin.cli.options import STORE, StoreFolder
from zhiyin.locale.words import counted, retell, say

if TYPE_CHECKING:
    from rich.console import Console

    from zhiyin.cli.catalogue import Facts, Field, Group


def ls(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="SECTION|FAMILY|NAME|artifacts",
            help="A section (training), a family (objectives), a step or plug-in (train, simpo), or artifacts.",
            show_default=False,
        ),
    ] = None,
    store: StoreFolder = STORE,
) -> None:
    """List steps and plug-ins with what each is for, the fields of one, or the artifacts in the store."""
    from zhiyin.cli.catalogue import groups
    from zhiyin.cli.exits import REFUSED, leave
    from zhiyin.cli.terminal import console
    from zhiyin.execution.catalog import nearest

    out = console()
    if what == "artifacts":
        _artifacts(out, store)
        return
    every = groups()
    shown = [group for group in every if what is None or what in (group.name, *group.name.split("/"))]
    named = [group for group in every if what in group.members]
    if not shown and not named:
        known = {"artifacts", *(word for group in every for word in (*group.name.split("/"), *group.members))}
        leave(
            f"no section, family, step or plug-in is called {what!r}{nearest(what or '', tuple(sorted(known)))}; "
            "`zhiyin ls` lists them all",
            REFUSED,
        )
    for group in shown:
        _group(out, group)
    for group in named:
        _member(out, group, what or "")


def _group(out: "Console", group: "Group") -> None:
    out.print(group.name, style="bold", end="")
    out.print(f"  {retell(group.sentence)}")
    from zhiyin.cli.catalogue import facts

    columns = max(map(width, group.members), default=0)
    for member in group.members:
        known = facts(group, member)
        mark = "" if known is None else "✓ " if known.verified else "  "
        out.print(f"  {mark}{padded(member, columns)}  {retell(group.sentence_of(member))}")
    if group.name == "data/sources":
        out.print(f"  {say('✓ the columns were read in the real files, or in published code that reads them')}")
    if not group.members:
        out.print(f"  {say('no member yet')}")


def _member(out: "Console", group: "Group", member: str) -> None:
    from zhiyin.cli.catalogue import facts, fields, inputs

    out.print(f"{group.name}/{member}", style="bold", end="")
    out.print(f"  {retell(group.sentence_of(member))}")
    if known := facts(group, member):
        _data_set(out, known)
    _fields(out, say("inputs, by label of a step:"), inputs(group, member))
    _fields(out, say("fields:"), fields(group, member))


def _data_set(out: "Console", known: "Facts") -> None:
    """Say what a data set is, where it lies, and what its licence allows."""
    rows = [(say("home"), retell(known.home)), (say("hub"), known.hub_id), (say("size"), retell(known.size))]
    if known.licence is None:
        rows.append((say("licence"), say("said in the recipe, `licence`")))
    else:
        allowed = {True: say("allowed"), False: say("not allowed"), None: say("not stated")}[known.licence.commercial]
        name, terms = retell(known.licence.name), retell(known.licence.terms)
        rows += [(say("licence"), name), (say("terms"), terms), (say("commercial use"), allowed)]
    rows.append((say("columns verified"), say("yes") if known.verified else say("no")))
    columns = max(width(name) for name, _ in rows)
    for name, value in rows:
        if value:
            out.print(f"  {padded(name, columns)}  {value}")


def _fields(out: "Console", title: str, found: "list[Field]") -> None:
    if not found:
        return
    out.print(f"  {title}")
    for field in found:
        default = say("required") if field.default is None else say("default {value}", value=field.default)
        out.print(f"    {field.name}", style="bold", end="")
        out.print(f"  {say('{type}, {default}', type=field.type, default=default)}")
        if field.sentence:
            out.print(f"      {retell(field.sentence)}")


def _artifacts(out: "Console", store: Path) -> None:
    from rich import box
    from rich.table import Table

    from zhiyin.cli.units import brief, size
    from zhiyin.execution.store import Store

    manifests = list(Store(store).manifests())
    if not manifests:
        out.print(say("{store} holds no artifact.", store=store))
        return
    table = Table(box=box.SIMPLE, show_edge=False)
    for heading in (say("label"), say("artifact"), say("made")):
        table.add_column(heading, no_wrap=True)
    table.add_column(say("size"), justify="right", no_wrap=True)
    table.add_column(say("summary"))
    total = 0
    for manifest in manifests:
        held = sum(record.size for record in manifest.files.values())
        total += held
        facts = {name: value for name, value in manifest.summary.items() if not isinstance(value, dict | list)}
        folder = f"{manifest.kind}-{manifest.fingerprint}"
        made = str(manifest.provenance.get("began", ""))[:16].replace("T", " ")
        table.add_row(manifest.label, folder, made, size(held), brief(dict(list(facts.items())[:4])))
    out.print(table, soft_wrap=False)
    out.print(
        counted(
            "{number} artifact, {size}. Times are UTC.",
            "{number} artifacts, {size}. Times are UTC.",
            len(manifests),
            size=size(total),
        )
    )
