"""Settings of the machine, from the options of the command line."""

from typing import TYPE_CHECKING, Any

import typer

from zhiyin.locale.words import say

if TYPE_CHECKING:
    from zhiyin.execution.runtime import Runtime


def runtime(further: list[str] | None, **known: Any) -> "Runtime":
    """Return the runtime of `known` settings and of NAME=VALUE texts; a wrong one is a usage error."""
    from pydantic import ValidationError

    from zhiyin.execution.runtime import Runtime

    given = dict(known)
    for text in further or ():
        name, equals, value = text.partition("=")
        if not equals or name not in Runtime.model_fields:
            names = ", ".join(sorted(Runtime.model_fields.keys() - known.keys()))
            raise typer.BadParameter(say("{text} is no NAME=VALUE with a NAME of: {names}", text=text, names=names))
        given[name] = value
    try:
        return Runtime.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise typer.BadParameter(say("{name}: {reason}", name=where, reason=first["msg"])) from None
