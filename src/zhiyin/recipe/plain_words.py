"""What pydantic found wrong with a value, in plain words and at the place in the recipe where it stands."""

import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from zhiyin.execution.catalog import Plugin, load, nearest
from zhiyin.recipe.document import Place

_WANTED = {
    "bool": "true or false",
    "date": "a date",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "iterable": "a list",
    "list": "a list",
    "mapping": "a mapping",
    "model": "a mapping",
    "none": "nothing",
    "path": "a path",
    "set": "a list",
    "string": "text",
    "tuple": "a list",
}
_BOUNDS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "finite_number": "finite",
    "too_short": "at least {min_length} entries long",
    "too_long": "at most {max_length} entries long",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
}


def explain(
    error: ValidationError, model: type[BaseModel], value: object, inputs: Sequence[str] = ()
) -> list[tuple[Place, str]]:
    """Return place (below the validated value) and message of everything that was wrong.

    `inputs` are names that may stand beside the model's fields; they are offered when a key is unknown.
    """
    grouped: dict[Place, list[ErrorDetails]] = {}
    found: list[tuple[Place, str]] = []
    for one in error.errors(include_url=False):
        place = _standing(one["loc"], value)
        if one["type"] == "missing":
            found.append((place, _missing(str(one["loc"][-1]), _fields(model, value, place))))
        elif one["type"] == "extra_forbidden":
            fields = _fields(model, value, place[:-1])
            found.append((place, _unknown(str(one["loc"][-1]), fields, inputs if len(place) == 1 else ())))
        else:
            grouped.setdefault(place, []).append(one)
    return found + [(place, _wrong(errors)) for place, errors in grouped.items()]


def _standing(location: tuple[int | str, ...], value: object) -> Place:
    """Keep the part of pydantic's location that can be followed in the value; the rest names types it tried."""
    place: list[int | str] = []
    for key in location:
        inside = isinstance(value, Mapping) and key in value
        if not inside and not (isinstance(value, list) and isinstance(key, int) and key < len(value)):
            break
        place.append(key)
        value = value[key]  # type: ignore[index]  # just shown to be a mapping or a list that has it
    return tuple(place)


def _missing(name: str, fields: Mapping[str, FieldInfo]) -> str:
    sentence = fields[name].description if name in fields else None
    return f"{name!r} is missing; add it" + (f": {' '.join(sentence.split())}" if sentence else "")


def _unknown(name: str, fields: Mapping[str, FieldInfo], inputs: Sequence[str]) -> str:
    known = (*fields, *inputs)
    return f"unknown key{nearest(name, known)}; known are {', '.join(known) or 'none'}"


def _wrong(errors: Sequence[ErrorDetails]) -> str:
    """Say what was expected; several errors of one place are the alternatives of a union."""
    wanted = list(dict.fromkeys(word for one in errors if (word := _wanted(one))))
    if not wanted:
        return " or ".join(dict.fromkeys(_said(one) for one in errors))
    value = errors[-1]["input"]
    advice = (
        "; put it in quotes to make it text" if wanted == ["text"] and isinstance(value, bool | int | float) else ""
    )
    quoted = tuple(re.findall(r"'([^']*)'", " ".join(wanted)))
    near = nearest(value, quoted) if isinstance(value, str) else ""
    return f"expected {' or '.join(wanted)}, got {_shown(value)}{near}{advice}"


def _wanted(error: ErrorDetails) -> str | None:
    """Name the type that was expected, or None for another kind of error."""
    if error["type"] in ("literal_error", "enum"):
        return str(error["ctx"]["expected"])
    if error["type"] in ("string_pattern_mismatch", "none_required"):
        pattern = error.get("ctx", {}).get("pattern")
        return "nothing" if pattern is None else f"text that matches {pattern}"
    kind, _, rest = error["type"].partition("_")
    return _WANTED.get(kind) if rest in ("type", "parsing", "from_float", "attributes_type") else None


def _said(error: ErrorDetails) -> str:
    if error["type"] in _BOUNDS:
        return f"must be {_BOUNDS[error['type']].format(**error.get('ctx', {}))}, got {_shown(error['input'])}"
    if error["type"] in ("value_error", "assertion_error"):
        return str(error["ctx"]["error"])
    return f"{error['msg']}, got {_shown(error['input'])}"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _fields(model: type[BaseModel], value: Any, place: Place) -> Mapping[str, FieldInfo]:
    """Return the fields of the model that stands at a place, following plug-ins to the file they name."""
    annotation: Any = model
    for key in place:
        annotation = _inside(annotation, value, key)
        value = value[key]
    found = _model(annotation, value)
    return found.model_fields if found else {}


def _inside(annotation: Any, value: Any, key: str | int) -> Any:
    """Return the annotation of one entry of a model, mapping or list."""
    for member in _alternatives(annotation):
        origin, arguments = typing.get_origin(member) or member, typing.get_args(member)
        if not isinstance(origin, type):
            continue
        if issubclass(origin, BaseModel) and (found := _model(origin, value)) and key in found.model_fields:
            return found.model_fields[str(key)].annotation
        if isinstance(key, str) and issubclass(origin, Mapping) and len(arguments) == 2:
            return arguments[1]
        if isinstance(key, int) and issubclass(origin, Sequence) and arguments:
            return arguments[0]
    return None


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Lay `Annotated` and unions open."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return tuple(one for member in typing.get_args(annotation) for one in _alternatives(member))
    return (annotation,)


def _model(annotation: Any, value: object) -> type[BaseModel] | None:
    """Return the model a value stands for; a plug-in is the class its name says."""
    for member in _alternatives(annotation):
        if isinstance(member, type) and issubclass(member, Plugin):
            name = value.get("name") if isinstance(value, Mapping) else value
            return load(member, name) if isinstance(name, str) else member
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None
