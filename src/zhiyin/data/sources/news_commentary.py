"""News Commentary, English and Chinese: sentences of articles side by side, translated in both directions.

Home: https://huggingface.co/datasets/Helsinki-NLP/news_commentary, configuration `en-zh`.
Licence: not stated on the card; the articles belong to Project Syndicate.
Size: 69,206 pairs.
Schema: Parquet of {id, translation: {en, zh}}; or text in `.tsv` files without a header, a pair a line, the language
that the file's name has first on the left; or two files with the endings `.en` and `.zh`, line by line. A pair gives a
record for each direction, `file:7` in `.../file:7/en-zh` and `.../file:7/zh-en`. The wording is that of document 002.

>>> source = NewsCommentary(files=["."])
>>> row = Row("train.parquet:1", {"translation": {"en": "Spring.", "zh": "春天。"}, "direction": "zh-en"})
>>> record = source.record(row)
>>> record.id, record.kind, [turn.content for turn in record.messages]
('news_commentary/train.parquet:1/zh-en', 'translation', ['请将以下中文翻译成英文：\\n\\n春天。', 'Spring.'])
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from zhiyin.artifacts import ConversationSet
from zhiyin.data import lines
from zhiyin.data.aligned import PairedFiles, text_lines
from zhiyin.data.exchanges import filled
from zhiyin.data.files import FileRows, SourceFile
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import absent, conversation
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence

Direction = Literal["zh-en", "en-zh"]

WORDINGS: Mapping[str, str] = {
    "zh-en": "请将以下中文翻译成英文：\n\n{}",
    "en-zh": "请将以下英文翻译成中文：\n\n{}",
}


class NewsCommentary(PairedFiles, Source):
    """Pairs of sentences."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://huggingface.co/datasets/Helsinki-NLP/news_commentary"
    hub_id: ClassVar = "Helsinki-NLP/news_commentary"
    licence: ClassVar = Licence("not stated", commercial=None, terms="The articles belong to Project Syndicate.")
    size: ClassVar = "69,206 pairs"
    verified: ClassVar = True
    expects: ClassVar = ("translation",)
    optional: ClassVar = ("direction",)
    usual: ClassVar = (*FileRows.usual, "*.en", "*.zh")
    halves: ClassVar = ("en", "zh")

    directions: tuple[Direction, ...] = Field(default=("zh-en", "en-zh"), min_length=1)
    """From which language into which; each makes a record of every pair."""

    def partner(self, path: Path) -> Path | None:
        """Return the Chinese file that goes with an English one."""
        return path.with_suffix(".zh") if path.suffix == ".en" else None

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield every pair once for each direction."""
        for row in self._pairs(file):
            if isinstance(row, Rejected):
                yield row
            else:
                yield from (Row(row.where, {**row.value, "direction": way}) for way in self.directions)

    def record(self, row: Row) -> Conversation:
        """Ask for the translation of one half into the other."""
        pair, way = row.value.get("translation"), row.value.get("direction")
        if not isinstance(pair, Mapping):
            raise BadRow(
                absent("translation", row.value) if pair is None else "the translation is no object of `en` and `zh`"
            )
        before, after = str(way).split("-")
        question = Message("user", WORDINGS[str(way)].format(filled(pair, before)))
        turns = conversation([question, Message("assistant", filled(pair, after))])
        return Conversation(f"{self.identify(row)}/{way}", turns, self.data_set, "translation")

    def _pairs(self, file: SourceFile) -> Iterator[Row | Rejected]:
        if other := self.partner(file.path):
            for row in self.pairs(file, other):
                yield Row(row.where, {"translation": row.value}) if isinstance(row, Row) else row
        elif lines.form(file.path).endswith(".tsv"):
            yield from _tabbed(file)
        else:
            yield from super().read(file)


def _tabbed(file: SourceFile) -> Iterator[Row | Rejected]:
    """Yield the pairs of a file in which a tab parts the two halves."""
    names = ("zh", "en") if "zh-en" in file.path.name else ("en", "zh")
    for line in text_lines(file):
        if isinstance(line, Rejected):
            yield line
            continue
        halves: list[Any] = line[1].split("\t")
        if len(halves) == 2:
            yield Row(line[0], {"translation": dict(zip(names, halves, strict=True))})
        else:
            yield Rejected(line[0], f"{len(halves)} parts between tabs, where two are due", line[1])
