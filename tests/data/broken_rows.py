"""Files with rows that cannot be read: the class of each fault, the rows kept, line and reason of every other one."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rows:
    """A file, and what becomes of its rows."""

    fault: str
    """The class of the fault; empty when the file is sound and only looks odd."""
    name: str
    file: str
    content: bytes | Callable[[], bytes]
    kept: int
    rejected: Mapping[int, str] = field(default_factory=dict)
    """Line (or index in an array) to the reason, or its beginning."""
    source: str = "alpaca_json"

    @property
    def written(self) -> bytes:
        """What stands in the file."""
        return self.content if isinstance(self.content, bytes) else self.content()


def row(**fields: Any) -> bytes:
    return json.dumps({"instruction": "问题", "output": "回答", **fields}, ensure_ascii=False).encode()


def lines(*rows: bytes, end: bytes = b"\n") -> bytes:
    return end.join(rows) + end


def between(bad: bytes, good: bytes | None = None) -> bytes:
    """Put the bad row between two good ones: it must not harm them."""
    return lines(good or GOOD, bad, good or GOOD)


def array(*rows: bytes) -> bytes:
    return b"[" + b",\n".join(rows) + b"]"


def talk(*turns: tuple[str, Any]) -> bytes:
    return json.dumps(
        {"conversations": [{"from": role, "value": value} for role, value in turns]}, ensure_ascii=False
    ).encode()


def huge() -> bytes:
    """Make a row of 51 MB, three times the limit; only while it is needed."""
    return row(output="长" * 17_000_000)


GOOD = row()
TALK = talk(("human", "你好"), ("gpt", "你好！"))
GBK = "not valid UTF-8; it reads as GB18030 (GBK): convert the file, iconv -f GB18030 -t UTF-8"

NO_ROWS = (
    Rows("encoding", "GBK line", "a.jsonl", between(GOOD.decode().encode("gbk")), 2, {2: GBK}),
    Rows("encoding", "GBK file", "a.jsonl", lines(GOOD, GOOD).decode().encode("gbk"), 0, {1: GBK, 2: GBK}),
    Rows(
        "encoding",
        "Latin-1 line",
        "a.jsonl",
        between(b'{"instruction": "caf\xe9", "output": "x"}'),
        2,
        {2: "not valid UTF-8"},
    ),
    Rows(
        "encoding",
        "surrogates in UTF-8",
        "a.jsonl",
        between(b'{"instruction": "\xed\xa0\x80"}'),
        2,
        {2: "not valid UTF-8"},
    ),
    Rows(
        "encoding",
        "GBK cell",
        "a.csv",
        b"instruction,output\nq,a\n" + "问题,回答\n".encode("gbk") + b"q,b\n",
        2,
        {3: GBK},
    ),
    Rows("encoding", "GBK poem line", "a.txt", between("高山流水".encode("gbk"), "知音".encode()), 2, {2: GBK}, "text"),
    Rows(
        "encoding",
        "GBK half",
        "bitext.txt",
        lines("古文：温故".encode("gbk"), "古文：知新".encode(), "现代文：懂得新的".encode()),
        1,
        {1: GBK},
        "classical_modern",
    ),
    Rows("encoding", "GBK element", "a.json", array(GOOD, GOOD.decode().encode("gbk"), GOOD), 2, {2: GBK}),
    Rows("NUL", "block of NUL", "a.jsonl", between(bytes(64)), 2, {2: "NUL bytes"}),
    Rows("NUL", "NUL in a text", "a.jsonl", between(b'{"instruction": "a\0", "output": "b"}'), 2, {2: "NUL bytes"}),
    Rows("NUL", "NUL in a cell", "a.csv", b"instruction,output\nq,a\nq,\0\nq,b\n", 2, {3: "NUL bytes"}),
    Rows("NUL", "NUL in a line", "a.txt", between(b"a\0b", b"a"), 2, {2: "NUL bytes"}, "text"),
    Rows(
        "surrogate",
        "high half alone",
        "a.jsonl",
        between(rb'{"instruction": "\ud800", "output": "b"}'),
        2,
        {2: r"not valid JSON: half of a surrogate pair, as \ud800 is alone"},
    ),
    Rows(
        "surrogate",
        "low half alone",
        "a.jsonl",
        between(rb'{"instruction": "a\udc00x", "output": "b"}'),
        2,
        {2: "not valid JSON: half of a surrogate pair"},
    ),
    Rows(
        "number",
        "NaN",
        "a.jsonl",
        between(row(score=float("nan"))),
        2,
        {2: "not valid JSON: NaN and Infinity are no numbers"},
    ),
    Rows(
        "number",
        "minus Infinity",
        "a.jsonl",
        between(row(score=float("-inf"))),
        2,
        {2: "not valid JSON: NaN and Infinity are no numbers"},
    ),
    Rows(
        "number",
        "1e999",
        "a.jsonl",
        between(GOOD[:-1] + b', "score": 1e999}'),
        2,
        {2: "not valid JSON: Number out of range"},
    ),
    Rows(
        "number",
        "5,000 digits",
        "a.jsonl",
        between(GOOD[:-1] + b', "score": ' + b"9" * 5000 + b"}"),
        2,
        {2: "not valid JSON: Integer value out of range"},
    ),
    Rows(
        "number",
        "leading zero",
        "a.jsonl",
        between(GOOD[:-1] + b', "n": 01}'),
        2,
        {2: "not valid JSON: invalid number"},
    ),
    Rows(
        "JSON",
        "trailing comma",
        "a.jsonl",
        between(GOOD[:-1] + b",}"),
        2,
        {2: "not valid JSON: trailing comma in object"},
    ),
    Rows(
        "JSON",
        "Python dict",
        "a.jsonl",
        between(b"{'instruction': 'a', 'output': None}"),
        2,
        {2: "not valid JSON: names and texts stand in double quotes; is it a Python dict?"},
    ),
    Rows("JSON", "comment", "a.jsonl", between(b"// made by hand"), 2, {2: "not valid JSON: a comment"}),
    Rows(
        "JSON",
        "two objects on one line",
        "a.jsonl",
        between(GOOD + GOOD),
        2,
        {2: "not valid JSON: more than one value on the line"},
    ),
    Rows(
        "JSON",
        "lone CR line ends",
        "a.jsonl",
        lines(GOOD, GOOD, end=b"\r"),
        0,
        {1: "not valid JSON: more than one value on the line; its lines end with CR alone"},
    ),
    Rows(
        "JSON",
        "tab in a text",
        "a.jsonl",
        between(b'{"instruction": "a\tb", "output": "c"}'),
        2,
        {2: "not valid JSON: invalid character"},
    ),
    Rows("JSON", "plain words", "a.jsonl", between(b"hello"), 2, {2: "not valid JSON: invalid character"}),
    Rows(
        "truncated row",
        "cut last line",
        "a.jsonl",
        lines(GOOD, GOOD) + GOOD[:30],
        2,
        {3: "not valid JSON: Input data was truncated"},
    ),
    Rows(
        "truncated row",
        "line broken in two",
        "a.jsonl",
        lines(GOOD, GOOD[:30], GOOD[30:], GOOD),
        2,
        {2: "not valid", 3: "not valid"},
    ),
    Rows("shape", "null row", "a.jsonl", between(b"null"), 2, {2: "a row must be a JSON object, not NoneType"}),
    Rows("shape", "list row", "a.jsonl", between(b'["q", "a"]'), 2, {2: "a row must be a JSON object, not list"}),
    Rows(
        "shape",
        "array of arrays",
        "a.json",
        array(b'["q", "a"]', b'["q", "b"]'),
        0,
        {1: "a row must be", 2: "a row must be"},
    ),
    Rows(
        "shape",
        "array of texts",
        "a.json",
        array(b'"q"', GOOD, b'"a"'),
        1,
        {1: "a row must be a JSON object, not str", 3: "a row must be"},
    ),
    Rows(
        "shape",
        "object over several lines",
        "a.json",
        b'{\n "data": [\n  ' + GOOD + b"\n ]\n}\n",
        0,
        {1: "a JSON object over several lines; rows are an array"},
    ),
    Rows(
        "shape",
        "rows inside an object",
        "a.json",
        b'{"data": [\n' + GOOD + b",\n" + GOOD + b"]}",
        0,
        {1: "a JSON object over several lines"},
    ),
    Rows(
        "nesting",
        "5,000 lists deep",
        "a.jsonl",
        between(b'{"instruction": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        2,
        {2: "lists or objects nested too deep"},
    ),
    Rows(
        "duplicate key",
        "output twice",
        "a.jsonl",
        between(GOOD[:-1] + b', "output": "b"}'),
        2,
        {2: "the key 'output' stands twice in an object"},
    ),
    Rows(
        "duplicate key",
        "value twice in a turn",
        "a.jsonl",
        between(TALK.replace(b'"from"', b'"value": "x", "from"', 1), TALK),
        2,
        {2: "the key 'value' stands twice in an object"},
        "sharegpt",
    ),
    Rows("huge row", "line of 51 MB", "a.jsonl", lambda: between(huge()), 2, {2: "a row of more than 16 MiB"}),
    Rows(
        "huge row",
        "line of 51 MB at the end",
        "a.jsonl.gz",
        lambda: gzip.compress(lines(GOOD) + huge(), 1),
        1,
        {2: "a row of more than 16 MiB"},
    ),
    Rows(
        "huge row",
        "text of 17 MB",
        "a.txt",
        lambda: between(b"a" * 17_000_000, b"a"),
        2,
        {2: "a row of more than 16 MiB"},
        "text",
    ),
    Rows(
        "huge row", "element of 51 MB", "a.json", lambda: array(GOOD, huge(), GOOD), 2, {2: "a row of more than 16 MiB"}
    ),
)
"""Faults of the bytes and of the JSON."""
