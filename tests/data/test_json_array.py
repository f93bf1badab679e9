"""A JSON array is read element by element: the same elements and the same errors as when it is parsed as a whole."""

import io
import json
import re
import tracemalloc
from typing import Any, BinaryIO, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhiyin.data import json_array
from zhiyin.data.json_array import Long, elements
from zhiyin.data.json_rows import HALF, LONE_HALF
from zhiyin.data.lines import BOM, LONGEST, as_text


def whole(content: bytes) -> list[bytes]:
    """The obvious twin: parse all of it at once, and tell line and neighbourhood of the first fault."""
    content = content.removeprefix(BOM)
    try:
        return [bytes(raw) for raw in msgspec.json.decode(content, type=list[msgspec.Raw])]
    except msgspec.DecodeError as error:
        found = re.search(r" [(]byte (\d+)[)]", str(error))
        at = int(found[1]) if found else len(content)
        said = str(error).replace(found[0] if found else "", "").removeprefix("JSON is malformed: ")
        if (at == len(content) or "surrogate" in said) and (half := LONE_HALF.search(content)):
            at, said = half.start(), HALF
        at -= said == "trailing characters"
        line = content.count(b"\n", 0, at) + 1
        if at >= len(content):
            end = as_text(content[-30:])
            advice = f"the file ends at byte {len(content)} with {end!r}. Is the download complete?"
        elif said == "trailing characters":
            advice = (
                f"after it stands {as_text(content[at : at + 30])!r}. Are the rows one a line? Then none is an array"
            )
        else:
            advice = f"near {as_text(content[max(0, at - 15) : at + 15])!r}"
        raise ValueError(f"a.json:{line}: not a whole JSON array: {said}; {advice}") from error


def streamed(content: bytes) -> list[bytes | Long]:
    return list(elements(io.BytesIO(content), "a.json"))


def outcome(read: Any, content: bytes) -> object:
    try:
        return read(content)
    except ValueError as error:
        return str(error)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["}{][,", '"', "\\", '\\"', '"},{"', "\u2028", "\n"]
)
values: st.SearchStrategy[Any] = st.recursive(
    texts | st.integers(-5, 5) | st.floats(-9, 9) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
noise = st.sampled_from(
    [b"", b'"', b"}", b"]", b"{", b"[", b",", b"\\", b"x", b"\xff", b"\n", b"\\ud800", b".5", b" ", b"\0"]
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Arrays as they are written, and with a few bytes lost or put in."""
    rows = draw(st.lists(values, max_size=6))
    indent, colon = draw(st.sampled_from([None, 1])), draw(st.sampled_from([":", " : "]))
    comma = draw(st.sampled_from([",", " , "]))
    raw = json.dumps(rows, indent=indent, separators=(comma, colon), ensure_ascii=draw(st.booleans())).encode()
    for _ in range(draw(st.integers(0, 2))):
        at, lost = draw(st.integers(1, len(raw))), draw(st.integers(0, 3))
        raw = raw[:at] + draw(noise) + raw[at + lost :]
    return raw + draw(st.sampled_from([b"", b"\n", b" \n[1]", b"x"]))


@settings(max_examples=400)
@given(files(), st.sampled_from([1, 2, 3, 7, 64, 2**20]), st.booleans())
def test_elements_and_errors_are_those_of_the_whole(content: bytes, part: int, marked: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "PART", max(part, len(BOM)) if marked else part)
        content = BOM + content if marked else content
        assert outcome(streamed, content) == outcome(whole, content)


@pytest.mark.parametrize("part", [1, 2, 5])
@pytest.mark.parametrize(
    "content",
    [
        b"[[1].5]",
        b"[{}, ,{}]",
        b"[,1]",
        b"[1., 2]",
        b"[{}, fal,se]",
        b'["\\u28", 1]',
        b"[ ]",
        b"[]x",
        b"[{} {}]",
        b"[{},]",
        b"[",
    ],
)
def test_a_fault_between_two_parts_is_seen_from_neither(content: bytes, part: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "PART", part)
        assert outcome(streamed, content) == outcome(whole, content)


@settings(max_examples=30)
@given(
    st.lists(values | st.text(min_size=40, max_size=90), max_size=6), st.sampled_from([1, 3, 10]), st.integers(0, 30)
)
def test_an_element_too_long_is_passed_over(rows: list[Any], part: int, lost: int) -> None:
    raw = json.dumps(rows, ensure_ascii=False).encode()
    longest = 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "PART", part)
        patch.setattr(json_array, "LONGEST", longest)
        patch.setattr(json_array, "SHOWN", 10)
        found = streamed(raw)
        assert [one.size if isinstance(one, Long) else len(one) for one in found] == [len(one) for one in whole(raw)]
        for one, expected in zip(found, whole(raw), strict=True):
            assert (one.head if isinstance(one, Long) else one) == (
                expected[:10] if isinstance(one, Long) else expected
            )
            assert isinstance(one, Long) == (len(expected) > longest)
        with pytest.raises(ValueError, match=r"^a\.json:1: not a whole JSON array: "):
            streamed(raw[: max(1, len(raw) - 1 - lost)])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[{"a": 1},\n{"a": ', r"^a\.json:2: not a whole JSON array: .*ends at byte 17 .*Is the download complete\?$"),
        (b"[\n1,\n2\n3]", r"^a\.json:4: not a whole JSON array: expected ',' or '\]'; near"),
        (b"[1]\n[2]", r"^a\.json:2: .*after it stands '\[2\]'\. Are the rows one a line\? Then none is an array$"),
        (rb'["\udc00"]', r"^a\.json:1: not a whole JSON array: half of a surrogate pair"),
    ],
)
def test_a_broken_array_is_named_by_line(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        streamed(content)


def test_a_lost_quote_is_named_where_it_was_lost() -> None:
    """Behind it every bracket counts the wrong way, and no element seems to end."""
    rows = ",\n".join('{"a": "一", "b": "[二]"}' for _ in range(5000)).replace('"一"', '"一', 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "LONGEST", 10_000)
        patch.setattr(json_array, "PART", 1000)
        with pytest.raises(ValueError, match=r"^a\.json:1: not a whole JSON array: expected"):
            streamed(f"[{rows}]".encode())


class Endless(io.RawIOBase):
    """An array of many rows, made while it is read."""

    def __init__(self, rows: int) -> None:
        self.left = rows
        self.row = b'{"instruction": "' + "问".encode() * 200 + b'", "turns": [{"from": "human", "value": "x"}]},\n'
        self.held = b"["

    def read(self, size: int = -1) -> bytes:
        while len(self.held) < size and self.left:
            count = min(self.left, 1000)
            self.left -= count
            self.held += self.row * count if self.left else self.row * (count - 1) + self.row[:-2] + b"]"
        part, self.held = self.held[:size], self.held[size:]
        return part


def test_memory_does_not_grow_with_the_file() -> None:
    tracemalloc.start()
    count = 0
    for _ in elements(cast("BinaryIO", Endless(40_000)), "a.json"):  # 27 MB
        count += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 40_000
    assert peak < 10 * 2**20


def test_the_limit_is_that_of_rows() -> None:
    assert LONGEST + json_array.PART < 32 * 2**20
