"""Two steps with one seed part a set: nothing in both, nothing lost, nothing leaked."""

from pathlib import Path
from typing import Any

import pytest
from tests.data.conftest import Make

from zhiyin.artifacts import ConversationSet
from zhiyin.data.split import Config, split
from zhiyin.execution.runtime import Runtime

PAIRS = [(f"问题 {n // 3}", str(n)) for n in range(60)]


def parts(path: Path, runtime: Runtime, records: ConversationSet, **fields: Any) -> tuple[list[str], list[str]]:
    """Return the answers in the train part, and in the held-out part."""
    found = []
    for part in ("train", "held_out"):
        config = Config.model_validate({"part": part, **fields})
        made = split(config, out=path / f"{part}{len(list(path.iterdir()))}", runtime=runtime, records=records)
        assert isinstance(made, ConversationSet)
        found.append([record.messages[1].content for record in made])
    return found[0], found[1]


@pytest.mark.parametrize("by", ["id", "text"])
def test_parts_are_disjoint_and_complementary(
    tmp_path: Path, runtime: Runtime, make_conversations: Make, by: str
) -> None:
    train, held_out = parts(tmp_path, runtime, make_conversations(PAIRS), held_out=12, by=by)
    assert len(held_out) == 12
    assert not set(train) & set(held_out)
    assert sorted(train + held_out, key=int) == [answer for _, answer in PAIRS]
    assert train == sorted(train, key=int)
    other, _ = parts(tmp_path, runtime, make_conversations(PAIRS), held_out=12, by=by, seed=1)
    assert train != other


def test_by_text_keeps_what_asks_the_same_together(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    forms = (str, str.upper, lambda text: text.replace(" ", "\n").replace("a", "ａ"))
    variants = [(forms[n % 3](f"{question} a"), answer) for n, (question, answer) in enumerate(PAIRS)]
    train, held_out = parts(tmp_path, runtime, make_conversations(variants), held_out=12)
    assert not {int(answer) // 3 for answer in train} & {int(answer) // 3 for answer in held_out}
    train, held_out = parts(tmp_path, runtime, make_conversations(variants), held_out=12, by="id")
    assert {int(answer) // 3 for answer in train} & {int(answer) // 3 for answer in held_out}


def test_what_cannot_be_held_out_is_an_error(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    with pytest.raises(ValueError, match="has 60 records; 60 cannot be held out"):
        parts(tmp_path, runtime, make_conversations(PAIRS), held_out=60)
    with pytest.raises(ValueError, match="add up to 10; 9 would do"):
        parts(tmp_path, runtime, make_conversations(PAIRS), held_out=10)


def test_the_summary_tells_the_part(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    config = Config(part="held_out", held_out=3)
    made = split(config, out=tmp_path / "out", runtime=runtime, records=make_conversations(PAIRS))
    assert (made.summary["part"], made.summary["of"], made.summary["records"]) == ("held_out", 60, 3)


def test_by_share_a_record_stays_on_its_side_when_others_come_and_go(
    tmp_path: Path, runtime: Runtime, make_conversations: Make
) -> None:
    pairs = [(f"问题 {n}", str(n)) for n in range(3000)]
    train, held_out = parts(tmp_path, runtime, make_conversations(pairs), share=0.2)
    assert 520 <= len(held_out) <= 680
    assert sorted(train + held_out, key=int) == [answer for _, answer in pairs]
    small_train, small_held_out = parts(tmp_path, runtime, make_conversations(pairs[1::3]), share=0.2)
    assert set(small_held_out) < set(held_out)
    assert set(small_train) < set(train)
    _, other = parts(tmp_path, runtime, make_conversations(pairs), share=0.2, seed=1)
    assert set(other) != set(held_out)
    _, more = parts(tmp_path, runtime, make_conversations([pairs[int(answer)] for answer in train]), share=0.3)
    assert 0.26 < len(more) / len(train) < 0.34


def test_a_number_or_a_share(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    for fields in ({}, {"held_out": 3, "share": 0.5}):
        with pytest.raises(ValueError, match="either `held_out`, a number of records, or `share`"):
            Config.model_validate({"part": "train", **fields})
    with pytest.raises(ValueError, match="of 2 records, 0 would be held out: a part is empty"):
        parts(tmp_path, runtime, make_conversations(PAIRS[:2]), share=0.001)


def test_workers_change_nothing(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    records = make_conversations([(f"{n}" + "问" * 400, "答" * 1000) for n in range(1200)])
    assert (records.path / "records.jsonl").stat().st_size > 4_000_000
    config, two = Config(part="train", share=0.4), runtime.model_copy(update={"workers": 2})
    one = split(config, out=tmp_path / "1", runtime=runtime, records=records)
    assert split(config, out=tmp_path / "2", runtime=two, records=records).summary == one.summary
    assert (tmp_path / "1" / "records.jsonl").read_bytes() == (tmp_path / "2" / "records.jsonl").read_bytes()
