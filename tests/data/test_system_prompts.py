"""Shares of system prompts are exact, seeded, and independent of positions."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from tests.data.conftest import Make

from zhiyin.artifacts import ConversationSet
from zhiyin.data.fixed_prompts import FIXED_PROMPTS
from zhiyin.data.system_prompts import Config, system_prompts
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Message


def prompts(made: ConversationSet) -> dict[str, str]:
    return {record.id: record.messages[0].content for record in made if record.messages[0].role == "system"}


def test_shares_are_exact_and_prompts_even(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    records = make_conversations([(str(n), "答") for n in range(150)])
    made = system_prompts(Config(), out=tmp_path / "out", runtime=runtime, records=records)
    assert made.summary["system_prompts"] == {"none": 30, "fixed": 120, "own": 0}
    assert Counter(Counter(prompts(made).values()).values()) == {8: 15}
    assert [record.id for record in made] == [str(n) for n in range(150)]
    assert all(
        after.messages[-2:] == before.messages and len(after.messages) <= 3
        for before, after in zip(records, made, strict=True)
    )
    # By position, the first 120 would have one.
    assert any(key not in prompts(made) for key in map(str, range(60)))


def test_who_gets_which_depends_on_id_and_seed_alone(
    tmp_path: Path, runtime: Runtime, make_conversations: Make
) -> None:
    records = make_conversations([(str(n), "答") for n in range(40)])
    one = prompts(system_prompts(Config(), out=tmp_path / "1", runtime=runtime, records=records))
    turned = ConversationSet(tmp_path / "turned")
    ConversationSet.write(turned.path, reversed(list(records)))
    assert prompts(system_prompts(Config(), out=tmp_path / "2", runtime=runtime, records=turned)) == one
    assert prompts(system_prompts(Config(seed=1), out=tmp_path / "3", runtime=runtime, records=records)) != one


def test_an_own_system_turn_is_kept(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    records = list(make_conversations([(str(n), "答") for n in range(10)]))
    own = msgspec.structs.replace(records[3], messages=(Message("system", "自带"), *records[3].messages))
    given = ConversationSet(tmp_path / "given")
    ConversationSet.write(given.path, [*records[:3], own, *records[4:]])
    made = system_prompts(Config(none=0), out=tmp_path / "out", runtime=runtime, records=given)
    assert made.summary["system_prompts"] == {"none": 0, "fixed": 9, "own": 1}
    assert list(made)[3] == own


def test_shares_must_add_to_one() -> None:
    with pytest.raises(ValueError, match=r"none 0\.2, fixed 0\.5 add to 0\.7"):
        Config(fixed=0.5).produces({"records": ConversationSet})
    with pytest.raises(ValueError, match=r"none 0\.2 and fixed 0\.9 add to more than 1"):
        Config(fixed=0.9)
    assert Config(fixed=0.8).produces({"records": ConversationSet}) is ConversationSet


def test_the_fixed_prompts_are_fifteen_short_and_different() -> None:
    assert len(set(FIXED_PROMPTS)) == 15
    assert all(10 <= len(prompt) <= 40 and prompt.endswith("。") for prompt in FIXED_PROMPTS)
    assert len({prompt[:2] for prompt in FIXED_PROMPTS}) > 5
