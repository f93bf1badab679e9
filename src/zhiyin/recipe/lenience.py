"""What pydantic takes and a recipe must not say: `true` for a number, NaN in quotes, a file that cannot be read."""

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from zhiyin.execution.config import StepConfig, digest
from zhiyin.recipe.document import Place


def overlooked(fields: Mapping[str, Any], config: StepConfig) -> Iterator[tuple[Place, str]]:
    """Yield place (below the fields) and message of each; `fields` are as written, `config` what became of them.

    The bytes of input files belong to the identity of a step, so they are read before anything runs; that one of them
    cannot be read is found here.
    """
    unread = list(_unread(config, ()))
    yield from unread or _compared(fields, config.plain(), ())


def _unread(value: object, place: Place) -> Iterator[tuple[Place, str]]:
    """Yield every input file or folder whose bytes cannot be read."""
    if isinstance(value, BaseModel):
        for name, inner in value:
            yield from _unread(inner, (*place, name))
    elif isinstance(value, tuple | list | dict):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unread(inner, (*place, key))
    elif isinstance(value, Path):
        try:
            digest(value)
        except OSError as error:
            yield place, f"{error.filename} cannot be read: {error.strerror}"
        except UnicodeEncodeError as error:
            name = os.fsencode(error.object.partition("\0")[0]).decode("utf-8", "backslashreplace")
            yield place, f"{value} holds a file whose name is not UTF-8, {name}; rename it"


def _compared(written: Any, kept: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(written, dict) and isinstance(kept, dict):
        for key in written.keys() & kept.keys():
            yield from _compared(written[key], kept[key], (*place, key))
    elif isinstance(written, list) and isinstance(kept, list):
        for index, (one, other) in enumerate(zip(written, kept, strict=False)):
            yield from _compared(one, other, (*place, index))
    elif isinstance(kept, float) and not math.isfinite(kept):
        yield place, f"must be finite, got {written!r}"
    elif isinstance(written, bool) and isinstance(kept, int | float) and not isinstance(kept, bool):
        yield place, f"expected a number, got {str(written).lower()}"
