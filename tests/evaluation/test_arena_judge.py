"""Arena-Hard's judge: its prompts, and what its words come to."""

import hashlib

from zhiyin.evaluation.arena_hard import Battle, battles
from zhiyin.evaluation.arena_judge import judge_prompts, judgment, pair_marks, system_prompt
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt

ASKED = Prompt(
    "q1",
    messages=(Message("user", "写一首诗"),),
    reference="基线",
    group="hard_prompt",
    meta={"baseline": "o3-mini-2025-01-31"},
)


def said(*texts: str) -> list[Completion]:
    return [Completion(f"q1/{number}", text=text, stopped="stop") for number, text in enumerate(texts, start=1)]


def test_the_system_prompts_are_the_originals() -> None:
    """Hashes of the two texts in `arenahard/utils/judge_utils.py`; all but creative writing ask for an own answer."""
    hashes = [
        hashlib.sha256(system_prompt(category).encode()).hexdigest()[:16]
        for category in ("hard_prompt", "arena-hard-v0.1", "creative_writing")
    ]
    assert hashes == ["03f68010febd7a64", "03f68010febd7a64", "171489efbca7f19f"]
    assert system_prompt("hard_prompt").endswith('Example output: "My final verdict is tie: [[A=B]]".')


def test_the_games_show_both_orders() -> None:
    first, second = judge_prompts(ASKED, "模型")
    assert (first.id, second.id, first.choices, first.group) == ("q1/1", "q1/2", (), "hard_prompt")
    template = (
        "<|User Prompt|>\n写一首诗\n\n"
        "<|The Start of Assistant A's Answer|>\n{}\n<|The End of Assistant A's Answer|>\n\n"
        "<|The Start of Assistant B's Answer|>\n{}\n<|The End of Assistant B's Answer|>"
    )
    assert first.messages[1].content == template.format("基线", "模型")
    assert second.messages[1].content == template.format("模型", "基线")


def test_words_become_a_judgment_battles_and_marks() -> None:
    one = judgment(ASKED, said("so [[B>>A]]", "tie: [[A=B]]"), "mine", "unparsed")
    assert (one.uid, one.model, one.baseline, one.category) == ("q1", "mine", "o3-mini-2025-01-31", "hard_prompt")
    played = battles([one]).played
    assert [(battle.share, battle.weight) for battle in played] == [(1.0, 3.0), (0.5, 1.0)]
    rate, agree = pair_marks(ASKED, played)
    assert (rate.measure, rate.value, rate.weight, rate.extracted) == ("win_rate", 3.5, 4.0, "1x3 0.5x1")
    assert (agree.measure, agree.value, agree.weight) == ("orders_agree", 0.0, 1.0)


def test_orders_agree_when_both_favour_the_same_side() -> None:
    for first, second, agree in (("B>A", "A>>B", 1.0), ("A=B", "A=B", 1.0), ("A>B", "A>B", 0.0), ("A>B", "A=B", 0.0)):
        played = battles([judgment(ASKED, said(f"[[{first}]]", f"[[{second}]]"), "mine", "unparsed")]).played
        assert pair_marks(ASKED, played)[1].value == agree


def test_words_without_a_verdict_make_no_mark() -> None:
    found = battles([judgment(ASKED, said("I cannot say", "[[A>B]] [[B>A]]"), "mine", "unparsed")])
    assert found.unread == ("q1 mine, game 1", "q1 mine, game 2")
    assert pair_marks(ASKED, found.played) == []
    last = battles([judgment(ASKED, said("I cannot say", "[[A>B]] [[B>A]]"), "mine", "last")]).played
    assert last == (Battle("q1", "mine", "o3-mini-2025-01-31", 0.0, 1.0, "hard_prompt"),)
    assert [mark.measure for mark in pair_marks(ASKED, last)] == ["win_rate"]
