"""SMILECHAT: counselling in many turns, written by ChatGPT from the single questions and answers of PsyQA.

Home: https://github.com/qiuhuachuan/smile, folder `data`.
Licence: CC0-1.0; made from PsyQA, whose agreement forbids passing it on.
Size: 55,165 dialogues, one file each.
Schema: `<number>.json`, one array of {role: client/counselor, content, annotation}; annotations are left behind.
A last turn of the client's is not answered: it is cut off and kept in `meta` (one dialogue of five). Where one speaker
has two turns in a row, a reply was lost or stands inside a turn, so the dialogue is rejected (one of a hundred).
A record is a whole dialogue; or, with a `window`, one answer of the counselor and the turns just before it, as the
authors trained on (310,087 answers, 9 turns): `7.json:1.3` is the third answer of `7.json`. Windows overlap: train on
them with `turn_weights: [1, 0]`, so that each answer is learnt once, and hold whole files out.

>>> source = Smile(files=["."])
>>> record = source.record(Row("7.json:1", {"dialogue": [
...     {"role": "client", "content": "睡不好。"}, {"role": "counselor", "content": "多久了？"},
...     {"role": "client", "content": "谢谢。"}]}))
>>> [(turn.role, turn.content) for turn in record.messages], record.meta
([('user', '睡不好。'), ('assistant', '多久了？')], {'unanswered': '谢谢。'})
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import msgspec
from pydantic import Field

from zhiyin.artifacts import ConversationSet
from zhiyin.data import lines
from zhiyin.data.files import FileRows, SourceFile
from zhiyin.data.json_rows import json_row
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, text_field
from zhiyin.records.conversation import Conversation, Message, Meta, Role
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence

SPEAKERS: Mapping[str, Role] = {"client": "user", "counselor": "assistant"}


class Smile(FileRows, Source):
    """Files of one dialogue each."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://github.com/qiuhuachuan/smile"
    licence: ClassVar = Licence(
        "CC0-1.0", commercial=True, terms="Made from PsyQA, whose agreement forbids passing it on."
    )
    size: ClassVar = "55,165 dialogues"
    verified: ClassVar = True
    expects: ClassVar = ("dialogue",)
    usual: ClassVar = ("*.json",)

    window: int | None = Field(default=None, ge=1)
    """Make a record of every answer, with at most this many turns before it (9 in the authors' code)."""

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield the dialogues, or the windows of each; one that is not sound stays whole, and is rejected as such."""
        for row in super().rows():
            if self.window and isinstance(row, Row):
                yield from _windows(row, self.window)
            else:
                yield row

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield the whole file as one row."""
        where = f"{file.shown}:1"
        with lines.readable(file.shown), lines.opened(file.path, file.shown) as opened:
            raw = opened.read(lines.LONGEST + 1).removeprefix(lines.BOM)
        if len(raw) > lines.LONGEST:
            yield lines.too_long(where, raw, file.path.stat().st_size)
        elif raw.strip():
            row = json_row(where, b'{"dialogue": ' + raw + b"}", msgspec.json.Decoder().decode)
            yield row if isinstance(row, Row) else Rejected(where, row.reason, lines.as_text(raw))

    def record(self, row: Row) -> Conversation:
        """Return the dialogue up to the counselor's last turn."""
        found, meta = _dialogue(row)
        return Conversation(self.identify(row), found, self.data_set, "counselling", meta)


def _windows(row: Row, most: int) -> Iterator[Row]:
    """Yield a row for each answer; the last one keeps what is left unanswered."""
    try:
        answered = len(_dialogue(row)[0])
    except BadRow:
        yield row
        return
    turns = row.value["dialogue"]
    for end in range(2, answered + 1, 2):
        start = max(0, end - 1 - most)
        start += start % 2  # A client opens.
        last = end if end < answered else len(turns)
        yield Row(f"{row.where}.{end // 2}", {"dialogue": turns[start:last]})


def _dialogue(row: Row) -> tuple[tuple[Message, ...], Meta]:
    """Return the turns up to the counselor's last one, and what the client says after it."""
    turns = row.value.get("dialogue")
    if not isinstance(turns, list):
        raise BadRow(f"a dialogue must be a list of turns, not {type(turns).__name__}")
    found = [_turn(turn) for turn in turns]
    meta: Meta = {}
    if [turn.role for turn in found[-2:]] == ["assistant", "user"]:
        meta = {"unanswered": found.pop().content}
    return conversation(found), meta


def _turn(turn: object) -> Message:
    if not isinstance(turn, Mapping):
        raise BadRow(f"a turn must be an object, not {type(turn).__name__}")
    role = SPEAKERS.get(text_field(turn, "role"))
    if role is None:
        raise BadRow(f"a turn of the role {turn['role']!r}")
    return Message(role, text_field(turn, "content"))
