"""`zhiyin evaluate`: finished models asked the same questions, and compared item by item."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhiyin.cli.options import STORE, Device, MicroBatchTokens, StoreFolder
from zhiyin.locale.words import say, spoken

if TYPE_CHECKING:
    from collections.abc import Callable

    from zhiyin.artifacts import Adapter, Checkpoint
    from zhiyin.evaluation.benchmarks import Benchmark
    from zhiyin.execution.step import Step
    from zhiyin.inference.answer import Config

ModelNames = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        help="A finished model as `zhiyin show` takes it, a folder in the Hugging Face form, or OWNER/NAME@COMMIT on "
        "the hub; the others are compared with the first.",
        show_default=False,
    ),
]
Benchmarks = Annotated[
    list[str],
    typer.Option(
        "--benchmarks",
        metavar="NAME",
        help='A benchmark with its settings, such as "cmmlu shots=5"; can be given again. LABEL=NAME labels it; '
        "protocol=all asks it under every protocol.",
        show_default=False,
    ),
]
Budgets = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        metavar="LABEL=CHANGE",
        help="A change that is allowed, such as gsm8k=-2pt; a proven greater loss ends with exit code 3.",
        show_default=False,
    ),
]


def evaluate(
    models: ModelNames,
    benchmarks: Benchmarks,
    budget: Budgets = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, metavar="N", help="Tokens of one answer, at most.")] = 256,
    template: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The chat format of models from elsewhere; otherwise that which they bring, if known."
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="The heading of the page.")] = None,
    store: StoreFolder = STORE,
    device: Device = "auto",
    micro_batch_tokens: MicroBatchTokens = 8192,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the code a step failed.")] = False,
) -> None:
    """Ask finished models the same benchmarks, compare them item by item, and write a page."""
    from zhiyin.cli import outcome
    from zhiyin.cli.live import watcher
    from zhiyin.cli.making import count, make
    from zhiyin.cli.terminal import console
    from zhiyin.execution.runtime import Runtime
    from zhiyin.execution.step import in_order
    from zhiyin.execution.store import Store
    from zhiyin.inference.answer import Config
    from zhiyin.recipe import evaluation
    from zhiyin.recipe.held import Held

    questions = _benchmarks(benchmarks)
    budgets = _budgets(budget or [], questions)
    machine = Runtime(store=store, device=device, micro_batch_tokens=micro_batch_tokens)
    screen = console()

    def run(targets: "list[Step[Any]]") -> "list[Any]":
        own = [one for one in in_order(*targets) if not isinstance(one, Held)]
        watching = watcher(screen, [one.label for one in own])
        make(targets, machine, watching, traceback=traceback)
        count(screen, watching)
        return [Store(store).open(one) for one in targets]

    asked = _models(models, template, store, run)
    plan = _planned(asked, questions, Config(max_new_tokens=max_new_tokens))
    heading = title or say("Evaluation of {models}", models=", ".join(asked))
    screen.print(f"{heading} ({', '.join(questions)})")
    made = dict(zip(plan, run(list(plan.values())), strict=True))
    verdicts = evaluation.compared(made, budgets)
    page = evaluation.report(list(made.values()), verdicts, title=heading, language=spoken())
    shown = [*made.values(), *run([*verdicts.values(), page])]
    outcome.show(screen, shown)
    outcome.require(shown)


def _models(
    names: list[str], template: str | None, store: Path, run: "Callable[[list[Step[Any]]], list[Any]]"
) -> "dict[str, Checkpoint | Adapter]":
    """Open the models by their labels; those from elsewhere are fetched, once all the words are understood."""
    from zhiyin.cli.exits import REFUSED, leave
    from zhiyin.cli.resolve import resolve
    from zhiyin.execution.step import Step
    from zhiyin.recipe import evaluation

    known: list[Checkpoint | Adapter | Step[Checkpoint]] = []
    for text in names:
        try:
            known.append(evaluation.outside(text, template) or evaluation.model(resolve(text, store)))
        except (LookupError, ValueError) as error:
            leave(_first(error) if isinstance(error, ValueError) else str(error.args[0]), REFUSED)
    fetched = [one for one in known if isinstance(one, Step)]
    brought = dict(zip([one.folder for one in fetched], run(list(fetched)) if fetched else [], strict=True))
    found: dict[str, Checkpoint | Adapter] = {}
    for model in known:
        one = brought[model.folder] if isinstance(model, Step) else model
        label = one.manifest.label
        found[label if label not in found else f"{label} {one.manifest.fingerprint[:4]}"] = one
    return found


def _benchmarks(texts: list[str]) -> "dict[str, Benchmark]":
    from zhiyin.cli.exits import REFUSED, leave
    from zhiyin.recipe import evaluation

    found: dict[str, Benchmark] = {}
    for text in texts:
        try:
            read = evaluation.benchmarks(text)
        except ValueError as error:
            leave(f"--benchmarks {text}: {_first(error)}", REFUSED)
        if taken := found.keys() & read.keys():
            leave(f"two benchmarks are called {min(taken)!r}; LABEL=NAME gives one another label", REFUSED)
        found |= read
    return found


def _first(error: ValueError) -> str:
    """Return what is wrong in one line; pydantic says more than a person needs."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    told = str(first.get("ctx", {}).get("error", first["msg"]))
    return f"{where}: {told}" if where else told


def _budgets(texts: list[str], questions: "dict[str, Benchmark]") -> dict[str, str]:
    from zhiyin.cli.exits import REFUSED, leave

    found: dict[str, str] = {}
    for text in texts:
        label, equals, change = text.partition("=")
        if not equals or label not in questions:
            leave(f"--budget {text}: expected LABEL=CHANGE with a label of {', '.join(questions)}", REFUSED)
        found[label] = change
    return found


def _planned(
    models: "dict[str, Checkpoint | Adapter]", questions: "dict[str, Benchmark]", answering: "Config"
) -> "dict[tuple[str, str], Step[Any]]":
    """Plan the scores; a benchmark that cannot be asked in this way ends it with a plain message."""
    from zhiyin.cli.exits import REFUSED, leave
    from zhiyin.recipe import evaluation

    try:
        return dict(evaluation.scores(models, questions, answering))
    except ValueError as error:
        leave(str(error), REFUSED)
