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
    variants = [
        (question.replace(" ", "\n") if n % 2 else question, answer) for n, (question, answer) in enumerate(PAIRS)
    ]
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
