"""`zhiyin doctor`: what this machine has, what is missing, and whether the store is sound."""

from pathlib import Path
from typing import Annotated

import typer

from zhiyin.cli.options import STORE, StoreFolder
from zhiyin.locale.words import counted, say


def doctor(
    store: StoreFolder = STORE,
    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="Where shared data is expected.")] = Path(
        "../shared/data"
    ),
    verify: Annotated[bool, typer.Option("--verify", help="Read every byte of every artifact.")] = False,
) -> None:
    """Show versions, devices, memory, disk, data and the store; exits with 1 if something needed is missing."""
    from zhiyin.cli.columns import padded, width
    from zhiyin.cli.exits import FAILED, leave
    from zhiyin.cli.health import disk, machine, software, stored
    from zhiyin.cli.terminal import console

    out = console()
    bad = 0
    for title, checks in (
        (say("Software"), software()),
        (say("Machine"), machine()),
        (say("Data"), disk(store, data)),
        (say("Store"), stored(store, thorough=verify)),
    ):
        out.print(title, style="bold")
        columns = max(width(check.name) for check in checks)
        for check in checks:
            bad += not check.sound
            mark = "" if check.sound else f"  <- {say('needed')}"
            advice = f"{say('; ')}{check.advice}" if check.advice else ""
            style = "bold red" if not check.sound else "yellow" if check.advice else ""
            out.print(f"  {padded(check.name, columns)}  {check.found}{advice}{mark}", style=style)
    if bad:
        leave(counted("{number} of these needs attention.", "{number} of these need attention.", bad), FAILED)
    out.print(say("Everything needed is there."))
