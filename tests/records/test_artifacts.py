"""The folders that pass between rooms: what is written is read back, and counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from zhiyin.artifacts import (
    Checkpoint,
    CompletionSet,
    ConversationSet,
    CurvePoint,
    Page,
    PreferenceSet,
    PromptSet,
    ScoreSet,
    TextSet,
    Verdict,
    curve,
    write_json,
)
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Comparison, Diagnosis, Overview, Ruling, Score

SCORE = Score("exam", "accuracy", "", 0.5, 0.25, 0.75, 8, 1)
EXAM = Diagnosis(0.25, 1 / 3, 2.5, 1, 0.11, {"A": 8}, {"A": 4, "B": 4}, 0.9, 2, letters=True)
SUMMARY = Overview("exam", "p1", "h1", "macro", {"accuracy": SCORE}, 3, EXAM, ("at chance: guessing",))
PAIRED = Comparison("exam", "accuracy", 0.25, 0.5, 0.25, -0.1, 0.6, 8, 3, 1, None)
RULING = Ruling("rise", False, {"accuracy": False}, {"accuracy": PAIRED}, "sums", 0.95, 0.03, ("8 of 9 items matched",))
TURNS = (Message("user", "你好"), Message("assistant", "您好"))


def test_records_are_read_back_in_order_and_counted(tmp_path: Path) -> None:
    documents = [Document(str(n), f"第{n}句", source="a" if n else "b", kind="verse") for n in range(3)]
    made = TextSet.write(tmp_path, documents, [Rejected("f:1", "empty", ""), Rejected("f:2", "empty", "")])
    assert list(made) == documents
    assert [row.where for row in made.rejected] == ["f:1", "f:2"]
    assert dict(made.summary) == {
        "records": 3,
        "sources": {"a": 2, "b": 1},
        "kinds": {"verse": 3},
        "rejected": {"empty": 2},
    }


def test_a_generator_may_fill_the_rejected_rows_while_it_yields(tmp_path: Path) -> None:
    rejected: list[Rejected] = []

    def records() -> Iterator[Conversation]:
        yield Conversation("1", TURNS, "chat")
        rejected.append(Rejected("f:9", "late", "{}"))

    made = ConversationSet.write(tmp_path, records(), rejected)
    assert [row.where for row in made.rejected] == ["f:9"]
    assert made.summary["rejected"] == {"late": 1}


def test_a_set_reads_its_own_type_alone(tmp_path: Path) -> None:
    PreferenceSet.write(tmp_path, [Preference("1", TURNS[:1], "您好", "嗯", "pairs")])
    assert next(iter(PreferenceSet(tmp_path))).chosen == "您好"
    with pytest.raises(ValueError, match=r"records\.jsonl:1: not a Conversation"):
        list(ConversationSet(tmp_path))


def test_prompts_are_counted_by_group(tmp_path: Path) -> None:
    made = PromptSet.write(tmp_path, [Prompt("1", text="春", group="a"), Prompt("2", text="夏", group="a")])
    assert dict(made.summary) == {"prompts": 2, "groups": {"a": 2}}
    assert [prompt.id for prompt in made] == ["1", "2"]


class Ask(StepConfig):
    text: str
    """What is asked."""


def ask(config: Ask, *, out: Path, runtime: Runtime) -> PromptSet:
    return PromptSet.write(out, [Prompt("1", text=config.text)])


class Reply(StepConfig):
    """Nothing to set."""


def reply(config: Reply, *, out: Path, runtime: Runtime, prompts: dict[str, PromptSet]) -> CompletionSet:
    for name, questions in prompts.items():
        answers = [Completion(prompt.id, text=f"{prompt.text}！", stopped="stop") for prompt in questions]
        jsonl.write(out / f"{name}.jsonl", answers)
    return CompletionSet(out)


def test_answers_are_found_by_the_prompts_they_answer(tmp_path: Path) -> None:
    spring, summer, autumn = (step(ask, Ask(text=text), label=text) for text in "春夏秋")
    answers = step(reply, Reply(), {"prompts": {"s": summer, "w": spring}})
    runtime = Runtime(store=tmp_path / "store")
    made = {artifact.manifest.label: artifact for artifact in run([spring, summer, autumn, answers], runtime)}
    completions = made["reply"]
    assert isinstance(completions, CompletionSet)
    for label in "春夏":
        prompts = made[label]
        assert isinstance(prompts, PromptSet)
        assert [completion.text for completion in completions.of(prompts)] == [f"{label}！"]
    strangers = made["秋"]
    assert isinstance(strangers, PromptSet)
    with pytest.raises(ValueError, match=rf"holds no answers to {strangers.path}; it answered \['ask-"):
        completions.of(strangers)


def test_a_page_is_telemetry_through_and_through() -> None:
    assert Page.role("page.html") == "telemetry"
    assert TextSet.role("records.jsonl") == "result"


def test_a_checkpoint_that_was_not_trained_has_no_curve(tmp_path: Path) -> None:
    assert curve(Checkpoint(tmp_path)) == []
    points = [CurvePoint(1, "train", {"loss": 2.5}), CurvePoint(1, "held_out", {"loss": 2.75})]
    jsonl.write(tmp_path / "curve.jsonl", points)
    assert curve(Checkpoint(tmp_path)) == points


def overview(config: StepConfig, *, out: Path, runtime: Runtime) -> ScoreSet:
    """Score."""
    return ScoreSet(out, SUMMARY.plain())


def ruling(config: StepConfig, *, out: Path, runtime: Runtime) -> Verdict:
    """Compare."""
    return Verdict(out, RULING.plain())


def test_the_summaries_of_scores_and_verdicts_are_typed(tmp_path: Path) -> None:
    runtime = Runtime(store=tmp_path)
    scored, compared = run([step(overview, StepConfig()), step(ruling, StepConfig())], runtime)
    assert isinstance(scored, ScoreSet)
    assert scored.overview == SUMMARY
    assert isinstance(compared, Verdict)
    assert compared.ruling == RULING


def test_a_summary_of_another_shape_is_refused(tmp_path: Path) -> None:
    def other(config: StepConfig, *, out: Path, runtime: Runtime) -> ScoreSet:
        return ScoreSet(out, {**SUMMARY.plain(), "mean": 0.5})

    (scored,) = run([step(other, StepConfig())], Runtime(store=tmp_path))
    assert isinstance(scored, ScoreSet)
    with pytest.raises(ValueError, match=f"{scored.path}: its summary is not of the type Overview: .*`mean`"):
        assert scored.overview


def test_json_is_written_the_same_way_every_time(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"乙": 1, "甲": [2]})
    write_json(tmp_path / "b.json", {"甲": [2], "乙": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "乙": 1,\n  "甲": [\n    2\n  ]\n}\n'
