"""A row is taken as it stands or not at all: no key of it is lost, and one fault has one reason."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.data.json_rows import json_row
from zhiyin.data.rows import Row
from zhiyin.records.jsonl import Rejected

decode = msgspec.json.Decoder().decode
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ['"', '":', '" :', "\\", '\\":']
)
values: st.SearchStrategy[Any] = st.recursive(
    words | st.integers(-5, 5) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


def reason(raw: bytes) -> str:
    found = json_row("a:1", raw, decode)
    return found.reason if isinstance(found, Rejected) else ""


@given(st.dictionaries(words, values, max_size=4), st.sampled_from([None, 1]), st.sampled_from([":", " :", ": "]))
def test_a_sound_row_is_never_taken_for_one_with_equal_keys(
    value: dict[str, Any], indent: int | None, colon: str
) -> None:
    raw = json.dumps(value, ensure_ascii=False, indent=indent, separators=(",", colon)).encode()
    assert json_row("a:1", raw, decode) == Row("a:1", value)


@given(st.dictionaries(words, values, min_size=1, max_size=3), values, st.sampled_from([":", " :", ": "]))
def test_a_key_that_stands_twice_is_found_wherever_it_is(value: dict[str, Any], more: Any, colon: str) -> None:
    key = next(iter(value))
    inner = json.dumps(value, separators=(",", colon))[:-1] + f", {json.dumps(key)}{colon}{json.dumps(more)}}}"
    for raw in (inner, f'{{"a"{colon}[1, {inner}]}}', f'{{"a"  : {inner}, "b": "\\":"}}'):
        assert reason(raw.encode()) == f"the key {key!r} stands twice in an object"


def test_one_fault_has_one_reason() -> None:
    for faults in (
        [b"[1", b'{"a"', b'{"a": "long'],
        [b'{"a": }', b'{"long name": }'],
        [b'{"a": NaN}', b'{"bc": [1, -Infinity]}'],
    ):
        assert len({reason(raw) for raw in faults}) == 1


def test_rows_as_deep_as_the_parser_goes() -> None:
    """Counting keys must not end where reading did not."""
    for depth in range(100, 1400, 50):
        raw = b'{"a": ' * depth + b"1" + b"}" * depth
        found = json_row("a:1", raw, decode)
        assert isinstance(found, Row) or found.reason == "lists or objects nested too deep"
