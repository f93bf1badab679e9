"""The list of quotations alone: nothing is taken away."""

from pathlib import Path

import pytest

from zhiyin.artifacts import Contamination, ConversationSet, PromptSet, TextSet
from zhiyin.data import decontaminate
from zhiyin.data.contamination import Config, contamination
from zhiyin.execution.runtime import Runtime
from zhiyin.records.contamination import Hit
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.prompt import Prompt

QUESTION = "下列哪一种植物的花在夜里开放，到清晨就凋谢？"


def test_every_hit_of_every_set(tmp_path: Path) -> None:
    texts = TextSet.write(tmp_path / "t", [Document("1", QUESTION, "s"), Document("2", "无关", "s")])
    turns = (Message("user", "请看题。"), Message("assistant", QUESTION))
    talks = ConversationSet.write(tmp_path / "c", [Conversation("1", turns, "s")])
    meta = {"question": QUESTION}
    exam = PromptSet.write(tmp_path / "e", [Prompt("q", text="x", meta={**meta}), Prompt("short", text="短问题")])
    other = PromptSet.write(tmp_path / "f", [Prompt("r", messages=(Message("user", "完全不同的另外一个问题"),))])
    made = contamination(
        Config(),
        out=tmp_path / "out",
        runtime=Runtime(),
        records={"texts": texts, "dialogues": talks},
        prompts={"other": other, "exam": exam},
    )
    assert list(made.hits) == [
        Hit("1", "exam", "q", "13 characters", QUESTION[:-1], f"请看题。\n{QUESTION}", QUESTION, "dialogues"),
        Hit("1", "exam", "q", "13 characters", QUESTION[:-1], QUESTION, QUESTION, "texts"),
    ]
    assert made.summary == {
        "hits": 2,
        "records": {"dialogues": 1, "texts": 1},
        "quoted": {"exam": 1, "other": 0},
        "uncovered": {"exam": 1, "other": 0},
    }


def test_a_search_for_nothing_is_refused() -> None:
    """Both steps would succeed, and protect nothing."""
    given = {"records.a": TextSet, "prompts.e": PromptSet}
    assert Config().produces(given) is Contamination
    for name in ("records", "prompts"):
        left = {each: kind for each, kind in given.items() if not each.startswith(name)}
        with pytest.raises(ValueError, match=f"`{name}` names no step"):
            Config().produces(left)
    assert decontaminate.Config().produces({"records": TextSet, "prompts.e": PromptSet}) is TextSet
    with pytest.raises(ValueError, match="`prompts` names no prompt set"):
        decontaminate.Config().produces({"records": TextSet})
