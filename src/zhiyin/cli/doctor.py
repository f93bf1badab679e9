"""`zhiyin doctor`: what this machine has, what is missing, and whether the store is sound."""

from pathlib import Path
from typing import Annotated

import typer

from zhiyin.cli.options import STORE, StoreFolder


def doctor(
    store: StoreFolder = STORE,
    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="Where shared data is expected.")] = Path(
        "../shared/data"
    ),
    verify: Annotated[bool, typer.Option("--verify", help="Read every byte of every artifact.")] = False,
) -> None:
    """Show versions, devices, memory, disk, data and the store; exits with 1 if something needed is missing."""
    from zhiyin.cli.exits import FAILED, leave
    from zhiyin.cli.health import disk, machine, software, stored
    from zhiyin.cli.terminal import console

    out = console()
    bad = 0
    for title, checks in (
        ("Software", software()),
        ("Machine", machine()),
        ("Data", disk(store, data)),
        ("Store", stored(store, thorough=verify)),
    ):
        out.print(title, style="bold")
        width = max(len(check.name) for check in checks)
        for check in checks:
            bad += not check.sound
            mark = "" if check.sound else "  <- needed"
            advice = f"; {check.advice}" if check.advice else ""
            style = "bold red" if not check.sound else "yellow" if check.advice else ""
            out.print(f"  {check.name.ljust(width)}  {check.found}{advice}{mark}", style=style)
    if bad:
        leave(f"{bad} of these {'needs' if bad == 1 else 'need'} attention.", FAILED)
    out.print("Everything needed is there.")
