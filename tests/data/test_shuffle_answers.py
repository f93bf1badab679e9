"""The control keeps questions, answers and kinds, and parts every question from its answer."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.conftest import Make

from zhiyin.artifacts import ConversationSet
from zhiyin.data.shuffle_answers import Config, deranged, shuffle_answers
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Message


def records_of(path: Path, rows: Sequence[tuple[str, str, str]]) -> ConversationSet:
    """Write conversations from rows of question, answer and kind."""
    records = [
        Conversation(
            str(n), (Message("system", "助手"), Message("user", question), Message("assistant", answer)), "s", kind
        )
        for n, (question, answer, kind) in enumerate(rows)
    ]
    return ConversationSet(path, ConversationSet.write(path, records).summary)


def test_answers_move_within_their_kind(tmp_path: Path, runtime: Runtime) -> None:
    rows = [(f"问{n}", f"{kind}{n % 7}", kind) for kind in ("甲", "乙") for n in range(50)]
    before = records_of(tmp_path / "in", rows)
    after = shuffle_answers(Config(), out=tmp_path / "out", runtime=runtime, records=before)
    for old, new in zip(before, after, strict=True):
        assert (old.id, old.kind, old.messages[:2]) == (new.id, new.kind, new.messages[:2])
        assert new.messages[2].content[0] == old.kind
        assert new.messages[2] != old.messages[2]
    assert Counter(record.messages[2] for record in before) == Counter(record.messages[2] for record in after)
    assert after.summary["kept_own"] == {}


def test_the_new_answer_tells_nothing_of_the_old(tmp_path: Path, runtime: Runtime) -> None:
    before = records_of(tmp_path / "in", [(f"问{n}", str(n % 4), "甲") for n in range(400)])
    after = shuffle_answers(Config(), out=tmp_path / "out", runtime=runtime, records=before)
    pairs = Counter((int(n.id) % 4, int(n.messages[2].content)) for n in after)
    assert len(pairs) == 12
    assert max(pairs.values()) < 60, "of 100 questions with one answer, about 33 should get each of the others"


def test_the_seed_deals(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    before = make_conversations([(f"问{n}", str(n)) for n in range(30)])
    dealt = [
        [
            record.messages[1].content
            for record in shuffle_answers(Config(seed=seed), out=tmp_path / str(run), runtime=runtime, records=before)
        ]
        for run, seed in enumerate((0, 0, 1))
    ]
    assert dealt[0] == dealt[1] != dealt[2]


def test_a_kind_with_one_answer_keeps_it_and_is_counted(tmp_path: Path, runtime: Runtime) -> None:
    before = records_of(tmp_path / "in", [("一", "同", "甲"), ("二", "同", "甲"), ("三", "3", "乙"), ("四", "4", "乙")])
    after = shuffle_answers(Config(), out=tmp_path / "out", runtime=runtime, records=before)
    assert [record.messages[2].content for record in after] == ["同", "同", "4", "3"]
    assert after.summary["kept_own"] == {"甲": 2}


def test_answers_of_many_turns_move_together(tmp_path: Path, runtime: Runtime) -> None:
    def talk(n: int, turns: int) -> Conversation:
        messages = [(Message("user", f"问{n}.{t}"), Message("assistant", f"答{n}.{t}")) for t in range(turns)]
        return Conversation(str(n), tuple(turn for pair in messages for turn in pair), "s")

    ConversationSet.write(tmp_path / "in", [talk(0, 2), talk(1, 2), talk(2, 1), talk(3, 1)])
    after = shuffle_answers(Config(), out=tmp_path / "out", runtime=runtime, records=ConversationSet(tmp_path / "in"))
    answers = [[turn.content for turn in record.messages if turn.role == "assistant"] for record in after]
    assert answers == [["答1.0", "答1.1"], ["答0.0", "答0.1"], ["答3.0"], ["答2.0"]]


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=40), st.randoms())
def test_as_few_as_possible_keep_their_own(numbers: list[int], random: Random) -> None:
    own = [(str(number),) for number in numbers]
    mixed = random.sample(own, len(own))
    dealt = deranged(own, mixed)
    assert Counter(dealt) == Counter(own)
    kept = sum(mine == given for mine, given in zip(own, dealt, strict=True))
    most = max(Counter(own).values(), default=0)
    assert kept == max(0, 2 * most - len(own))
