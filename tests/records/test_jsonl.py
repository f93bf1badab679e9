"""One object a line, whatever the text holds; a bad line is named."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Document, Message, Meta
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Comparison, Mark, Score

BREAKS = ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00", '"', "\\", "\ufeff", "🀄")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.lists(
    st.sampled_from([*BREAKS, "春", "a"]), max_size=8
).map("".join)
finite = st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[str | int | float | bool | list[str]] = (
    texts | st.integers(-(2**53), 2**53) | finite | st.booleans() | st.lists(texts, max_size=3)
)
metas: st.SearchStrategy[Meta] = st.dictionaries(texts, values, max_size=3)
messages = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts)
turns = st.lists(messages, max_size=3).map(tuple)
logprobs = st.lists(finite, max_size=3).map(tuple)
counts = st.integers(0, 2**40)

RECORDS: dict[type[Struct], st.SearchStrategy[Struct]] = {
    Document: st.builds(Document, texts, texts, texts, texts, metas),
    Conversation: st.builds(Conversation, texts, turns, texts, texts, metas),
    Preference: st.builds(Preference, texts, turns, texts, texts, texts, texts, metas),
    Prompt: st.builds(
        Prompt,
        texts,
        messages=turns,
        text=st.none() | texts,
        add_bos=st.none() | st.booleans(),
        choices=st.lists(texts, max_size=4).map(tuple),
        reference=texts,
        group=texts,
        samples=st.integers(1, 9),
        meta=metas,
    ),
    Completion: st.builds(
        Completion,
        texts,
        sample=counts,
        text=texts,
        choice_logprobs=logprobs,
        choice_tokens=st.lists(counts, max_size=3).map(tuple),
        stopped=st.sampled_from(["stop", "length", ""]),
        tokens=counts,
        prompt_tokens=counts,
        truncated=st.booleans(),
        trace=st.none() | texts,
    ),
    Mark: st.builds(Mark, texts, texts, finite, st.none() | texts, texts, finite),
    Score: st.builds(Score, texts, texts, texts, finite, finite, finite, counts, counts),
    Comparison: st.builds(
        Comparison,
        *(texts, texts, finite, finite, finite, finite, finite),
        *(counts, counts, counts),
        st.none() | finite,
    ),
    Rejected: st.builds(Rejected, texts, texts, texts),
}


def test_every_record_type_is_tried() -> None:
    assert len(RECORDS) == 9


@pytest.mark.parametrize("kind", list(RECORDS), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_is_written_is_read_back(kind: type[Struct], data: st.DataObject) -> None:
    written = data.draw(st.lists(RECORDS[kind], max_size=4))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "records.jsonl"
        assert jsonl.write(file, written) == len(written)
        assert list(jsonl.read(file, kind)) == written
        assert file.read_bytes().count(b"\n") == len(written)


@pytest.mark.parametrize("sign", BREAKS)
def test_no_sign_inside_a_text_ends_a_line(sign: str, tmp_path: Path) -> None:
    written = [Document(str(number), f"前{sign}后", "test") for number in range(3)]
    jsonl.write(tmp_path / "a.jsonl", written)
    assert list(jsonl.read(tmp_path / "a.jsonl", Document)) == written


def test_line_separators_lie_in_the_file_as_they_are(tmp_path: Path) -> None:
    """Other tools write them bare; a reader that used `str.splitlines` would break there."""
    line = '{"id":"1","text":"甲\u2028乙\x85丙","source":"s"}\n'
    (tmp_path / "a.jsonl").write_text(line + line, encoding="utf-8")
    assert [each.text for each in jsonl.read(tmp_path / "a.jsonl", Document)] == ["甲\u2028乙\x85丙"] * 2


def test_chinese_is_written_as_chinese(tmp_path: Path) -> None:
    jsonl.write(tmp_path / "a.jsonl", [Document("1", "春眠不觉晓", "test")])
    assert "春眠不觉晓".encode() in (tmp_path / "a.jsonl").read_bytes()


def test_a_last_line_without_an_end_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"role":"user","content":"a"}\n{"role":"user","content":"b"}', encoding="utf-8")
    assert [each.content for each in jsonl.read(tmp_path / "a.jsonl", Message)] == ["a", "b"]


GOOD = '{"role":"user","content":"好"}'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"role":"user","content":', "truncated"),
        (b'{"role":"teacher","content":"a"}', r"Invalid enum value 'teacher' - at `\$\.role`"),
        (b'{"role":"user"}', "missing required field `content`"),
        (b'{"role":"user","content":3}', r"Expected `str`, got `int` - at `\$\.content`"),
        (b'{"role":"user","content":"a","extra":1}', "unknown field `extra`"),
        (b'{"role":"user","content":"\xff"}', "invalid utf-8|Invalid UTF-8|can't decode"),
        (b"", "truncated"),
        (b"[]", "Expected `object`, got `array`"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(line: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(f"{GOOD}\n".encode() * 2 + line + b"\n")
    records = jsonl.read(file, Message)
    assert [next(records).content, next(records).content] == ["好", "好"]
    with pytest.raises(ValueError, match=f"^{file}:3: not a Message: .*({says})"):
        next(records)


def test_folders_are_made_and_an_empty_set_is_an_empty_file(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "er" / "a.jsonl"
    assert jsonl.write(file, iter(())) == 0
    assert file.read_bytes() == b""
    assert list(jsonl.read(file, Message)) == []


def test_reading_streams(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f"{GOOD}\nnot json\n", encoding="utf-8")
    assert next(jsonl.read(file, Message)).content == "好"


def test_a_text_that_utf_8_cannot_hold_is_named_by_its_record(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.jsonl: record two: a text holds half of a surrogate pair"):
        jsonl.write(tmp_path / "a.jsonl", [Document("one", "a", "s"), Document("two", "\ud800", "s")])
