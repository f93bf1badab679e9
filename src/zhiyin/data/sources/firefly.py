"""Firefly's training set: 23 kinds of Chinese tasks, with instructions written by hand.

Home: https://huggingface.co/datasets/YeungNLP/firefly-train-1.1M.
Licence: not stated.
Size: 1,150,000 rows; 19,048 of the kind StoryGeneration.
Schema: JSON lines, {kind, input, target}. The kinds are ProseGeneration, MRC, JinYongGeneration, TextCorrection,
ClassicalChinese, BELLE, StoryGeneration, Couplet, Cot, Dictionary, Translation, Program, SentimentAnalyze, OpenQA,
AncientPoem, TextMatching, NLI, Summary, KeywordRecognition, ProductDesc, LyricGeneration, Composition, MusicComment
and NER; a record keeps its own.

>>> row = Row("firefly.jsonl:1", {"kind": "StoryGeneration", "input": "少年与海", "target": "从前……"})
>>> record = Firefly(files=["."]).record(row)
>>> record.kind, record.messages[0].content
('StoryGeneration', '少年与海')
>>> story = Firefly(files=["."], kinds=["StoryGeneration"], story_prompt=True).record(row)
>>> story.kind, story.messages[0].content
('story_generation', '请根据以下提示生成一个故事：\\n\\n少年与海')
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from zhiyin.data.exchanges import Exchange, ExchangeRows, filled
from zhiyin.data.rows import Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.execution.catalog import nearest
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence

STORY = "StoryGeneration"


class Firefly(ExchangeRows, Source):
    """Rows of kind, input and target."""

    home: ClassVar = "https://huggingface.co/datasets/YeungNLP/firefly-train-1.1M"
    hub_id: ClassVar = "YeungNLP/firefly-train-1.1M"
    licence: ClassVar = Licence("not stated", commercial=None)
    size: ClassVar = "1,150,000 rows"
    verified: ClassVar = True
    expects: ClassVar = ("kind", "input", "target")

    kinds: tuple[str, ...] = ()
    """Only these kinds, such as `StoryGeneration`; empty means all."""
    story_prompt: bool = False
    """Ask for a story around the bare input, as document 002 did, and call the kind `story_generation`."""

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield the rows of the chosen kinds; raises `ValueError` at the end when one of them was in no row."""
        seen: set[str] = set()
        for row in super().rows():
            kind = row.value.get("kind") if isinstance(row, Row) else None
            if isinstance(kind, str):
                seen.add(kind)
            # A row without a kind belongs to none: it goes on, to be set aside with its reason.
            if not self.kinds or not isinstance(kind, str) or kind in self.kinds:
                yield row
        for kind in self.kinds:
            if kind not in seen:
                there = tuple(sorted(seen))
                raise ValueError(f"no row is of the kind {kind!r}{nearest(kind, there)}; there are {', '.join(there)}")

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Read input and target."""
        if self._is_story(row):
            return Exchange(f"请根据以下提示生成一个故事：\n\n{filled(row, 'input')}", text_field(row, "target"))
        return Exchange(text_field(row, "input"), text_field(row, "target"))

    def kind_of(self, row: Row) -> str:
        """Return the kind of the row, or document 002's word for it."""
        return "story_generation" if self._is_story(row.value) else filled(row.value, "kind")

    def _is_story(self, row: Mapping[str, Any]) -> bool:
        return self.story_prompt and row.get("kind") == STORY
