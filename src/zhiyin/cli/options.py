"""The arguments and options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe, a YAML file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Set a variable (seed=1) or a field of a step (sft.learning_rate=1e-3).",
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="cpu, cuda, mps, or auto: the best one present.")]
NumProcesses = Annotated[int, typer.Option(min=1, metavar="N", help="Training processes, by torchrun.")]
MicroBatchTokens = Annotated[int, typer.Option(min=1, metavar="N", help="Padded tokens of a forward pass.")]
Further = Annotated[
    list[str] | None,
    typer.Option(
        "--runtime",
        metavar="NAME=VALUE",
        help="Set another setting of this machine: parallelism=fsdp2, nodes=2, cluster=HOST:PORT (Ray for data), ...",
        show_default=False,
    ),
]
StoreFolder = Annotated[Path, typer.Option("--store", metavar="PATH", help="Where artifacts are kept.")]
STORE = Path("store")
