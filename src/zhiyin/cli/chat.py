"""`zhiyin chat`: talk to a model in the terminal, or pipe questions through it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiyin.cli.options import STORE, Device, StoreFolder
from zhiyin.locale.words import say

if TYPE_CHECKING:
    from zhiyin.inference.chat import ChatSession


def chat(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model's folder, or an artifact as `zhiyin show` takes it: a link, a label, a name's beginning.",
            show_default=False,
        ),
    ],
    max_new_tokens: Annotated[int, typer.Option(min=1, metavar="N", help="Tokens of one answer, at most.")] = 512,
    temperature: Annotated[
        float, typer.Option(min=0.0, metavar="N", help="0 takes the likeliest token every time.")
    ] = 0.0,
    system: Annotated[str, typer.Option(metavar="TEXT", help="A system prompt.")] = "",
    device: Device = "auto",
    store: StoreFolder = STORE,
) -> None:
    """Talk to a model; /clear starts anew, /exit or Ctrl-D ends. Piped text is one question a line."""
    from zhiyin.cli.exits import FAILED, leave
    from zhiyin.cli.packages import remedy
    from zhiyin.execution.runtime import Runtime

    folder = _folder(model, store)
    try:
        from zhiyin.inference.chat import ChatSession
        from zhiyin.inference.sampling import Sampling

        sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature)
        session = ChatSession.open(
            folder, runtime=Runtime(store=store, device=device), sampling=sampling, system=system
        )
    except ImportError as error:
        leave(f"{error}{remedy(error.name or '')}", FAILED)
    except (OSError, ValueError) as error:
        leave(f"{folder} cannot be talked to: {error}", FAILED)
    _converse(session)


def _folder(model: str, store: Path) -> Path:
    from zhiyin.cli.exits import REFUSED, leave
    from zhiyin.cli.resolve import resolve

    if Path(model).is_dir():
        return Path(model).resolve()
    try:
        return resolve(model, store)
    except LookupError as error:
        leave(str(error.args[0]), REFUSED)


def _converse(session: "ChatSession") -> None:
    """Answer every question until the input ends."""
    for question in _questions():
        if question == "/exit":
            return
        if question == "/clear":
            session.messages[:] = [message for message in session.messages if message.role == "system"]
            typer.echo(say("(a new conversation)"))
        elif question.startswith("/"):
            word = question.split()[0]
            typer.echo(say("({word} is not known here; there are /clear and /exit)", word=word))
        elif question:
            _answer(session, question)


def _answer(session: "ChatSession", question: str) -> None:
    """Print an answer as it comes. Ctrl-C breaks it off and keeps the conversation."""
    pieces = session.reply(question)
    broken = False
    try:
        for piece in pieces:
            typer.echo(piece, nl=False)
    except KeyboardInterrupt:
        broken = True
        pieces.close()  # type: ignore[attr-defined]  # it is a generator: closing it keeps what was said
    typer.echo(f" {say('(broken off)')}" if broken else "")
    if not broken and session.last is not None and session.last.truncated:
        typer.echo(say("(the conversation is longer than the model can read; /clear starts anew)"))


def _questions() -> Iterator[str]:
    """Yield what is typed, or line by line what is piped in; a piped question is printed, so that the log reads."""
    import sys

    if not sys.stdin.isatty():
        for line in sys.stdin:
            if line.strip():
                typer.echo(f"> {line.strip()}")
                yield line.strip()
        return
    import readline  # noqa: F401  # gives `input` its history and editing keys

    while True:
        try:
            yield input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            typer.echo("")
            return
