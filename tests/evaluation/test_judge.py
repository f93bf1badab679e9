"""The judge's prompts byte for byte, who stood where, and how replies become marks."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk, make_benchmark
from tests.evaluation.test_judge_reply import READ

from zhiyin.artifacts import CompletionSet, PromptSet
from zhiyin.evaluation import judge, score
from zhiyin.evaluation.benchmarks.judged import Judged
from zhiyin.evaluation.benchmarks.judged_pairs import JudgedPairs
from zhiyin.evaluation.judging import Answered, listed
from zhiyin.evaluation.tally import tallies
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion

TWO_OR_SIX = ["，".join(f"System{place}: {score}" for place in range(1, 6)) for score in (2, 6)]
NAMES = ("甲一", "乙二", "丙三", "丁四", "戊五")


def judged(**settings: Any) -> Judged:
    found = make_benchmark({"name": "judged", **settings})
    assert isinstance(found, Judged)
    return found


def pairs(**settings: Any) -> JudgedPairs:
    found = make_benchmark({"name": "judged_pairs", **settings})
    assert isinstance(found, JudgedPairs)
    return found


def answered(number: int, names: tuple[str, ...] = NAMES) -> Answered:
    answers = {name: f"{name}答第{number}题" for name in names}
    return Answered(f"q{number}", (Message("user", f"第{number}题"),), answers, "翻译")


def test_the_prompt_of_the_document_byte_for_byte() -> None:
    (prompt,) = judged().ask(answered(1))
    first, second, third, fourth, fifth = listed(prompt, "order")
    assert set(listed(prompt, "order")) == set(NAMES)
    assert [(turn.role, turn.content) for turn in prompt.messages] == [
        (
            "user",
            "以下是五个类似 ChatGPT 的系统的输出。请以 10 分制为每一项打分，并给出解释以证明您的分数。"
            "输出结果格式为：System 分数；System 解释。\n"
            "Prompt:第1题。\n"
            "答案：\n"
            f"System1:{first}答第1题。\n"
            f"System2:{second}答第1题。\n"
            f"System3:{third}答第1题。\n"
            f"System4:{fourth}答第1题。\n"
            f"System5:{fifth}答第1题。",
        )
    ]
    assert (prompt.id, prompt.group) == ("q1", "翻译")


@pytest.mark.parametrize(("count", "word"), [(1, "一个"), (2, "两个"), (3, "三个"), (10, "十个")])
def test_other_numbers_of_systems_are_counted_in_words(count: int, word: str) -> None:
    (prompt,) = judged().ask(answered(1, tuple(f"s{number}" for number in range(count))))
    assert prompt.messages[0].content.startswith(f"以下是{word}类似 ChatGPT 的系统的输出。")
    assert f"\nSystem{count}:" in prompt.messages[0].content
    assert f"\nSystem{count + 1}:" not in prompt.messages[0].content


def test_eleven_systems_are_too_many() -> None:
    with pytest.raises(ValueError, match="question q1: 1 to 10 systems can be judged, not 11"):
        list(judged().ask(answered(1, tuple(map(str, range(11))))))


def test_several_turns_say_who_spoke() -> None:
    turns = (Message("user", "一加一？"), Message("assistant", "二。"), Message("user", "再加一？"))
    (prompt,) = judged().ask(Answered("t", turns, {"甲": "三。"}))
    assert "Prompt:用户：一加一？\n助手：二。\n用户：再加一？。\n答案：\nSystem1:三。。" in prompt.messages[0].content


def test_places_are_drawn_by_seed_and_id_alone() -> None:
    def drawn(seed: int) -> list[Any]:
        return [listed(prompt, "order") for prompt in judged(seed=seed).about(map(answered, range(400)))]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    (alone,) = judged(seed=1).ask(answered(7))
    assert listed(alone, "order") == drawn(1)[7]
    again = Answered("q7", answered(7).messages, dict(reversed(answered(7).answers.items())), "翻译")
    assert listed(next(judged(seed=1).ask(again)), "order") == drawn(1)[7], (
        "the order in the recipe makes no difference"
    )
    for place in range(5):
        counts = Counter(order[place] for order in drawn(1))
        assert all(50 <= counts[name] <= 110 for name in NAMES), counts


def test_repeats_go_round_all_places() -> None:
    prompts = list(judged(repeats=5).ask(answered(1)))
    assert [prompt.id for prompt in prompts] == ["q1", "q1#2", "q1#3", "q1#4", "q1#5"]
    for place in range(5):
        assert {listed(prompt, "order")[place] for prompt in prompts} == set(NAMES)


@pytest.mark.parametrize("form", READ)
def test_scores_go_back_to_the_systems(form: str) -> None:
    given = {1: 8.0, 2: 7.5, 3: 9.0, 4: 10.0, 5: 0.0}
    for number in range(20):
        (prompt,) = judged().ask(answered(number))
        marks = list(judged().marks(prompt, Completion(prompt.id, text=READ[form])))
        assert [mark.measure for mark in marks] == [f"score/{name}" for name in NAMES]
        for mark in marks:
            place = listed(prompt, "order").index(mark.measure.removeprefix("score/")) + 1
            assert (mark.value, mark.extracted) == (given[place], f"{given[place]:g}")
            assert (mark.prompt_id, mark.group) == (prompt.id, "翻译")


def test_a_missing_system_is_unanswered_and_counted() -> None:
    (prompt,) = judged().ask(answered(1))
    marks = list(judged().marks(prompt, Completion(prompt.id, text="System1: 8分，System3: 6分")))
    order = listed(prompt, "order")
    read = {mark.measure.removeprefix("score/"): mark.extracted for mark in marks}
    assert read == {order[0]: "8", order[1]: None, order[2]: "6", order[3]: None, order[4]: None}
    assert sum(mark.value for mark in marks) == 14.0


def test_repeats_are_one_item() -> None:
    prompts = list(judged(repeats=2).about(map(answered, range(3))))
    marks = [
        mark
        for turn, prompt in enumerate(prompts)
        for mark in judged().marks(prompt, Completion(prompt.id, text=TWO_OR_SIX[turn % 2]))
    ]
    for tally in tallies(marks).values():
        assert tally.ids == ("q0", "q1", "q2")
        assert tally.values.tolist() == [4.0, 4.0, 4.0]


def test_pairs_are_judged_in_both_orders() -> None:
    prompts = list(pairs().ask(answered(1, ("甲一", "乙二"))))
    assert [prompt.id for prompt in prompts] == ["q1", "q1#2"]
    assert listed(prompts[0], "order") == listed(prompts[1], "order")[::-1]
    for prompt in prompts:
        left, right = listed(prompt, "order")
        text = prompt.messages[0].content
        assert text.index(f"【甲的回答】\n{left}答第1题") < text.index(f"【乙的回答】\n{right}答第1题")
        assert "[[A]]" in text
        assert "{" not in text


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        (("[[A]]", "[[B]]"), 1.0),
        (("[[B]]", "[[A]]"), 0.0),
        (("[[A]]", "[[A]]"), 0.5),
        (("[[C]]", "[[C]]"), 0.5),
        (("[[A]]", "[[C]]"), 0.75),
        (("[[A]]", "都好"), 0.5),
    ],
)
def test_both_games_are_one_item(replies: tuple[str, str], expected: float) -> None:
    prompts = list(pairs().ask(answered(1, ("甲一", "乙二"))))
    first = listed(prompts[0], "order")[0]
    marks = [
        mark
        for prompt, text in zip(prompts, replies, strict=True)
        for mark in pairs().marks(prompt, Completion(prompt.id, text=text))
    ]
    tally = tallies(marks)[f"win/{first}"]
    assert tally.values.tolist() == [expected]
    unread = sum("[[" not in text for text in replies)
    assert tally.unanswered.tolist() == [unread / 2]


def test_braces_in_an_answer_are_text() -> None:
    one = Answered("q", (Message("user", "{question}"),), {"a": "{first} {0}", "b": "}{"})
    for prompt in pairs().ask(one):
        assert all(text in prompt.messages[0].content for text in ("{question}", "{first} {0}", "}{"))


def test_three_systems_are_no_pair() -> None:
    with pytest.raises(ValueError, match="question q1: pairs are judged, but 3 systems answered"):
        list(pairs().ask(answered(1, ("a", "b", "c"))))


def test_other_systems_than_before_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"question q2 has answers of \['a'\], the first one of \['a', 'b'\]"):
        list(judged().about([answered(1, ("a", "b")), answered(2, ("a",))]))


def test_answers_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    jsonl.write(file, [answered(1), answered(2)])
    found = list(judged(answers=str(file)).prompts(None))
    assert found == list(judged().about([answered(1), answered(2)]))
    with pytest.raises(ValueError, match="judged judges answers: the step `judge` takes those of this recipe"):
        list(judged().prompts(None))


class Says(StepConfig):
    """A system, or a judge."""

    text: str
    """What it says, with the prompt's id put in."""
    times: int = 1
    """How often it says it."""
    skip: str = ""
    """The prompt it does not answer."""


def say(config: Says, *, out: Path, runtime: Runtime, prompts: Mapping[str, PromptSet]) -> CompletionSet:
    for name, asked in prompts.items():
        kept = [prompt for prompt in asked if prompt.id != config.skip]
        found = [
            Completion(prompt.id, text=config.text.format(prompt.id), sample=sample, stopped="stop")
            for prompt in kept
            for sample in range(config.times)
        ]
        jsonl.write(out / f"{name}.jsonl", found)
    return CompletionSet(out, {})


def saying(prompts: Step[PromptSet], text: str, times: int = 1, skip: str = "") -> Step[CompletionSet]:
    return step(say, Says(text=text, times=times, skip=skip), {"prompts": {"exam": prompts}})


def asked(prompts: Step[PromptSet], systems: dict[str, Step[CompletionSet]], **benchmark: Any) -> Step[PromptSet]:
    config = judge.Config(benchmark=make_benchmark({"name": "judged", **benchmark}))
    return step(judge.judge, config, {"prompts": prompts, "systems": systems})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def tasks(desk: Desk) -> Step[PromptSet]:
    return desk.prepared({"name": "judged_tasks"})


def test_from_tasks_to_scores(desk: Desk, tasks: Step[PromptSet]) -> None:
    questions = asked(tasks, {name: saying(tasks, f"{name}：{{}}") for name in ("甲", "乙", "丙")})
    replies = saying(questions, "System1: 4, System2: 6")
    scores = desk.run(step(score.score, score.Config(), {"prompts": questions, "completions": replies}))
    prompts = list(desk.run(questions))
    assert len(prompts) == 20
    assert all(f"{name}：{prompt.id}。" in prompt.messages[0].content for prompt in prompts for name in "甲乙丙")
    marks = list(scores.marks)
    assert len(marks) == 60
    by_item = {prompt.id: listed(prompt, "order") for prompt in prompts}
    for mark in marks:
        place = by_item[mark.prompt_id].index(mark.measure.removeprefix("score/"))
        assert (mark.value, mark.extracted) == [(4.0, "4"), (6.0, "6"), (0.0, None)][place]
    assert scores.overview.benchmark == "judged"
    assert sum(one.unanswered for one in scores.overview.measures.values()) == 20
    groups = {one.group for one in scores.scores}
    assert {"数学推理", "多轮对话"} <= groups


def test_one_answer_of_each_system_is_judged(desk: Desk, tasks: Step[PromptSet]) -> None:
    twice = saying(tasks, "好", times=2)
    with pytest.raises(ValueError, match="乙 answered 09numbers/0 more than once"):
        desk.run(asked(tasks, {"甲": saying(tasks, "好"), "乙": twice}))
    fewer = saying(tasks, "好", skip="10talks/3")
    with pytest.raises(ValueError, match=r"乙 did not answer 10talks/3 \(1 in all\)"):
        desk.run(asked(tasks, {"甲": saying(tasks, "好"), "乙": fewer}))


def test_what_judges_no_answers_is_refused(tasks: Step[PromptSet], tmp_path: Path) -> None:
    given: dict[str, Any] = {"prompts": tasks, "systems": {"甲": saying(tasks, "好")}}
    with pytest.raises(ValueError, match="judged_tasks judges no answers; `judged` and `judged_pairs` do"):
        step(judge.judge, judge.Config(benchmark=make_benchmark({"name": "judged_tasks"})), given)
    (tmp_path / "a.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="here the answers are those of `systems`"):
        asked(tasks, {"甲": saying(tasks, "好")}, answers=str(tmp_path / "a.jsonl"))
    assert judge.Config().benchmark.name == "judged"


def test_answers_from_elsewhere_are_prepared(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    jsonl.write(file, map(answered, range(3)))
    questions = desk.prepared({"name": "judged", "answers": str(file)})
    scores = desk.run(
        step(score.score, score.Config(), {"prompts": questions, "completions": saying(questions, READ["one line"])})
    )
    assert sorted(mark.value for mark in scores.marks) == sorted([8.0, 7.5, 9.0, 10.0, 0.0] * 3)
