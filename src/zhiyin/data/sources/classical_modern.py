"""Classical Chinese with its modern translation, sentence by sentence, as instructions to translate.

Home: https://github.com/NiuTrans/Classical-Modern, folder 双语数据.
Licence: MIT.
Size: about a million pairs of hundreds of books.
Schema: <book>/<chapter>/bitext.txt, in which a line `古文：...` is followed by a line `现代文：...`.

>>> source = ClassicalModern(files=["."], label="niutrans")
>>> record = source.record(Row("论语/学而篇/bitext.txt:1", {"classical": "温故而知新", "modern": "温习旧的，懂得新的"}))
>>> record.messages[0].content.endswith("温故而知新"), record.messages[1].content, record.meta["chapter"]
(True, '温习旧的，懂得新的', '论语/学而篇')
"""

from collections.abc import Iterator
from typing import ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.aligned import text_lines
from zhiyin.data.files import FileRows, SourceFile
from zhiyin.data.rows import Row
from zhiyin.data.sampling import rank
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, text_field
from zhiyin.records.conversation import Conversation, Message, Meta
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence

CLASSICAL, MODERN = "古文：", "现代文："

INSTRUCTIONS = (
    "请把这段文言文译成现代汉语：\n{}",
    "下面这句古文用今天的话怎么说？\n{}",
    "将下列古文翻译为白话文。\n{}",
    "请用现代汉语解释这段文字的意思：\n{}",
    "这段文言文讲了什么？请逐句译出。\n{}",
)


class ClassicalModern(FileRows, Source):
    """Pairs of a classical passage and its translation."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://github.com/NiuTrans/Classical-Modern"
    licence: ClassVar = Licence("MIT", commercial=True)
    size: ClassVar = "about a million pairs"
    verified: ClassVar = True
    expects: ClassVar = ("classical", "modern")
    usual: ClassVar = ("bitext.txt",)

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield each pair, at the line of its classical half; a half without the other is rejected."""
        held: tuple[str, str] | None = None
        for found in text_lines(file):
            if isinstance(found, Rejected):
                yield found
                continue
            where, line = found
            if held and line.startswith(MODERN):
                pair = {"classical": held[1].removeprefix(CLASSICAL), "modern": line.removeprefix(MODERN)}
                yield Row(held[0], {name: text.strip() for name, text in pair.items()})
                held = None
                continue
            if held and line.strip():
                yield Rejected(held[0], f"a line {CLASSICAL} without its {MODERN}", held[1])
                held = None
            if line.startswith(CLASSICAL):
                held = (where, line)
            elif line.strip():
                yield Rejected(where, f"not a line {CLASSICAL} or its {MODERN}", line)
        if held:
            yield Rejected(held[0], f"a line {CLASSICAL} without its {MODERN}", held[1])

    def record(self, row: Row) -> Conversation:
        """Return the pair as a question in one of several wordings, chosen by a hash of the id, and its answer."""
        key = self.identify(row)
        wording = INSTRUCTIONS[rank(0, self.name, key) % len(INSTRUCTIONS)]
        question = Message("user", wording.format(text_field(row.value, "classical")))
        answer = Message("assistant", text_field(row.value, "modern"))
        meta: Meta = {"chapter": key.removeprefix(f"{self.data_set}/").rpartition("/")[0]}
        return Conversation(key, conversation([question, answer]), self.data_set, "classical_translation", meta)
