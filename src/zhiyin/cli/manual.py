"""What `--help` and a usage error say, in the reader's language, and `--lang`, which chooses it for any verb."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from zhiyin.cli.columns import padded, width, wrapped
from zhiyin.locale.words import LANGUAGES, retell, say

LANG = "--lang"
WIDEST = 80
"""Columns of a help text, at most."""
FIRST_COLUMN = 30
"""Columns of the names before their explanations, at most."""


class Verb(TyperCommand):
    """One verb of the command line."""

    def get_usage(self, ctx: Any) -> str:
        """Return the line of usage. `ctx` is Typer's, whose class has no public name."""
        return usage(ctx)

    def get_help(self, ctx: Any) -> str:
        """Return the text of `--help`."""
        return manual(ctx)


class Verbs(TyperGroup):
    """The whole command line."""

    def get_usage(self, ctx: Any) -> str:
        """Return the line of usage."""
        return usage(ctx)

    def get_help(self, ctx: Any) -> str:
        """Return the text of `--help`."""
        return manual(ctx)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run a verb in the language that is asked for and exit; what is wrong with the words of it is told."""
        try:
            given = speak(sys.argv[1:] if args is None else list(args))
            translate(self)
            code = super().main(given or ["--help"], *rest, **{**options, "standalone_mode": False})
        except typer.TyperException as error:
            complain(error)
            code = error.exit_code
        except typer.Abort:
            typer.echo(say("Stopped."), err=True)
            code = 1
        sys.exit(code or 0)


def speak(arguments: list[str]) -> list[str]:
    """Take `--lang` out of the arguments, wherever it stands, and let this process and its children speak it."""
    kept: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, language = argument.partition("=")
        if argument == "--":
            return [*kept, argument, *rest]
        if name != LANG:
            kept.append(argument)
            continue
        language = language if equals else next(rest, "")
        if language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            message = say("no language is called {name!r}; there are {known}", name=language, known=known)
            raise typer.BadParameter(message, param_hint=f"'{LANG}'")
        os.environ["LANGUAGE"] = language
    return kept


def translate(command: Any) -> None:
    """Put the texts of a command and all below it, which Typer built for this call, into the reader's language."""
    for part in ("help", "options_metavar", "subcommand_metavar"):
        if text := getattr(command, part, None):
            setattr(command, part, retell(text))
    for parameter in command.params:
        parameter.help = retell(parameter.help or "")
        parameter.metavar = parameter.metavar and retell(parameter.metavar)
    for verb in getattr(command, "commands", {}).values():
        translate(verb)


def complain(error: typer.TyperException) -> None:
    """Print what is wrong with the words of a command, after how it is used."""
    context = getattr(error, "ctx", None)
    if context is not None:
        typer.echo(context.get_usage(), err=True)
        typer.echo(say("Try '{command} --help' for help.", command=context.command_path) + "\n", err=True)
    typer.echo(say("Error: {error}", error=retell(error.format_message())), err=True)


def usage(context: Any) -> str:
    """Return `Usage: zhiyin run [OPTIONS] {RECIPE} [KEY=VALUE]...`."""
    head = say("Usage: {command}", command=context.command_path)
    indent = width(head) + 1
    lines = wrapped(" ".join(context.command.collect_usage_pieces(context)), _columns() - indent)
    return f"{head} " + f"\n{' ' * indent}".join(lines)


def manual(context: Any) -> str:
    """Return the usage, what the command does, its arguments and options, and its verbs if it has some."""
    command = context.command
    rows: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
    for parameter in command.get_params(context):
        if parameter.param_type_name == "option" and "--help" in parameter.opts:
            rows["option"].append((f"{LANG} {'|'.join(LANGUAGES)}", say("The language of everything that is said.")))
        if record := parameter.get_help_record(context):
            rows[parameter.param_type_name].append((record[0].partition(" <")[0], _explained(record[1])))
    verbs = [(name, verb.help) for name, verb in getattr(command, "commands", {}).items()]
    sections = ((say("Arguments"), rows["argument"]), (say("Options"), rows["option"]), (say("Commands"), verbs))
    parts = [usage(context), "\n".join(f"  {line}" for line in wrapped(command.help, _columns() - 2))]
    return "\n\n".join([*parts, *(_section(title, listed) for title, listed in sections if listed)])


def _section(title: str, rows: list[tuple[str, str]]) -> str:
    """Lay names and explanations in two columns."""
    first = min(max(width(name) for name, _ in rows), FIRST_COLUMN) + 2
    lines = [say("{title}:", title=title)]
    for name, told in rows:
        head, *more = wrapped(told, _columns() - first - 2)
        if width(name) > first - 2:
            lines.append(f"  {name}")
            name = ""
        lines += [f"  {padded(name, first)}{head}", *(" " * (first + 2) + line for line in more)]
    return "\n".join(lines)


def _explained(told: str) -> str:
    """Retell what Typer says by itself, alone or behind an explanation: `Processes.  [default: 1; x>=1]`."""
    sentence, bracket, extra = told.partition("  [")
    if not bracket:
        return retell(told)
    return " ".join([sentence, *(f"[{retell(each)}]" for each in extra.removesuffix("]").split("; "))])


def _columns() -> int:
    return max(min(shutil.get_terminal_size().columns, WIDEST), 50)
