"""AlpacaEval's files: answers, and a judge's preferences between one model's and a baseline's."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

R = TypeVar("R", bound=Struct)

DRAW = 1.5
SHOWN = 60
"""Characters of an instruction shown in an error message."""


class Output(Struct, frozen=True):
    """An answer to one instruction: a record of `model_outputs.json`."""

    instruction: str
    output: str
    generator: str
    """The name of the model."""
    dataset: str = ""
    """The part of the benchmark: helpful_base, koala, oasst, selfinstruct or vicuna."""


class Annotation(Struct, frozen=True):
    """A judged pair: a record of `annotations.json`. Output 1 is the baseline's, output 2 the model's."""

    instruction: str
    output_1: str
    generator_1: str
    output_2: str
    generator_2: str
    dataset: str = ""
    annotator: str = ""
    """The judge and its prompt."""
    preference: float | None = None
    """1 for output 1 to 2 for output 2, anything between for a judge that weighs; 0 is a draw, None no preference."""
    raw_completion: Any = None
    """What the judge said."""
    price_per_example: float | None = None
    time_per_example: float | None = None

    @property
    def share(self) -> float:
        """By how much output 2 is preferred, from 0 to 1, a draw being one half; not a number without a preference."""
        if self.preference is None or math.isnan(self.preference):
            return math.nan
        return (self.preference or DRAW) - 1


def read_outputs(file: Path) -> list[Output]:
    """Read `model_outputs.json`; raises `ValueError` with file and record for one that does not fit, or a repeat."""
    found = _read(file, Output)
    _only_once(file, [one.instruction for one in found])
    return found


def read_annotations(file: Path) -> list[Annotation]:
    """Read `annotations.json` of one model against one baseline.

    Raises `ValueError` with file and record for a record that does not fit, for a preference that is none, for an
    instruction that is judged twice, and for a third model.
    """
    found = _read(file, Annotation)
    _only_once(file, [one.instruction for one in found])
    sides = found[0].generator_1, found[0].generator_2
    for number, one in enumerate(found):
        if not math.isnan(one.share) and not 0 <= one.share <= 1:
            raise ValueError(f"{file}: record {number}: preference {one.preference} is neither 0 nor from 1 to 2")
        if (one.generator_1, one.generator_2) != sides:
            raise ValueError(
                f"{file}: record {number} compares {one.generator_1} with {one.generator_2}, the first one "
                f"{sides[0]} with {sides[1]}; a file holds one model against one baseline"
            )
    return found


def write_records(file: Path, records: Iterable[Output | Annotation]) -> None:
    """Write outputs or annotations as the JSON array that alpaca_eval reads."""
    plain = [msgspec.to_builtins(record) for record in records]
    file.write_text(json.dumps(plain, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _read(file: Path, kind: type[R]) -> list[R]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not JSON: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{file}: expected an array of records, found {str(rows)[:SHOWN]!r}")
    found = []
    for number, row in enumerate(rows):
        try:
            found.append(msgspec.convert(row, kind))
        except msgspec.ValidationError as error:
            raise ValueError(f"{file}: record {number}: not an {kind.__name__}: {error}") from error
    return found


def _only_once(file: Path, instructions: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for number, instruction in enumerate(instructions):
        if instruction in first:
            raise ValueError(
                f"{file}: records {first[instruction]} and {number} hold the same instruction: {instruction[:SHOWN]!r}"
            )
        first[instruction] = number
