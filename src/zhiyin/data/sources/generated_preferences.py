"""Chinese preference pairs made by code: a right and brief answer over a wrong or rambling one."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec
from pydantic import Field

from zhiyin.artifacts import PreferenceSet
from zhiyin.data.generator import pairs
from zhiyin.data.generator.fact import Part
from zhiyin.data.sources import Row, Source
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence
from zhiyin.records.preference import Preference


class GeneratedPreferences(Source):
    """One question with two answers; the kind is the topic.

    Home: this project, `data/generator/`. Licence: Apache-2.0, as the project. Size: up to some 4,300 pairs to train
    on and 2,700 held out. Schema of a row: a `Preference`; its `meta` holds `fault` (of the rejected answer: `wrong`,
    `rambling` or `wrong and rambling`), `answer`, `fact` and `unseen`.

    >>> row = next(iter(GeneratedPreferences(part="train", count=1).rows()))
    >>> sorted(row.value["meta"])
    ['answer', 'fact', 'fault', 'unseen']
    """

    yields: ClassVar = PreferenceSet
    home: ClassVar = "this project"
    licence: ClassVar = Licence("Apache-2.0", commercial=True)
    size: ClassVar = "up to some 4,300 pairs"
    verified: ClassVar = True

    part: Part
    """`train`, or `held_out`: the same division of the facts as in `generated_instructions`."""
    count: int = Field(gt=0)
    """Pairs, spread over the kinds as evenly as they have facts."""
    seed: int = 0
    """Draws which facts are asked, their wordings and the fault of each rejected answer."""

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield the pairs as rows."""
        for number, pair in enumerate(pairs.preferences(self.part, self.count, self.seed), start=1):
            yield Row(f"{self.name}:{number}", msgspec.to_builtins(pair))

    def record(self, row: Row) -> Preference:
        """Read a row back."""
        return msgspec.convert(row.value, Preference)
