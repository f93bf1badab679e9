"""The entry point. It imports typer and nothing heavier; each verb imports what it needs when it runs."""

import logging
import os
import warnings
from typing import Annotated

import typer

from zhiyin import __version__
from zhiyin.cli.chat import chat
from zhiyin.cli.doctor import doctor
from zhiyin.cli.evaluate import evaluate
from zhiyin.cli.explain import explain
from zhiyin.cli.ls import ls
from zhiyin.cli.manual import Verb, Verbs
from zhiyin.cli.report import report
from zhiyin.cli.run import run
from zhiyin.cli.show import show

app = typer.Typer(
    name="zhiyin",
    help="From an open LLM to a Chinese expert, by one recipe.",
    cls=Verbs,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (run, explain, evaluate, report, show, ls, chat, doctor):
    app.command(cls=Verb)(verb)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"zhiyin {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """From an open LLM to a Chinese expert, by one recipe."""


def main() -> None:
    """Run the command line."""
    # A waiting OpenMP thread soon sleeps instead of spinning for milliseconds: as fast on a quiet machine, and several
    # times faster on one with other work (docs/log.md). It must be set before torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # peft asks transformers by the old name of a property; users can do nothing about it.
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
    # Where it is installed, peft loads bitsandbytes for every model, and that misses an optional kernel.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    app()
