"""The table of document 003, reproduced: totals, best, and best of our own."""

from collections.abc import Sequence

import pytest
from tests.evaluation.desk import make_benchmark

from zhiyin.evaluation.judgements import Judgement, judgements, markdown, printed, rows, standings, sums, totals
from zhiyin.evaluation.judging import Answered, Judging, listed
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion
from zhiyin.records.review import Points

SYSTEMS = ("D13b-1-3-1", "D13b-2-2-2", "D13b-2-3", "D7b-4-1", "ChatGPT")
OWN = SYSTEMS[:4]

# Document 003, item 003-18: judged by GPT-3.5.
PUBLISHED = {
    "知识问答": "65 64 63 67* **89**",
    "翻译": "79 81 82 89* **91**",
    "文本生成": "65 73* 63 71 **92**",
    "情感分析": "88* **91** 88* 85 71",
    "阅读理解": "75 77 76 85* **91**",
    "中文特色": "82* **83** 82* 40 68",
    "代码生成": "72 74 75* 73 **96**",
    "伦理、拒答类": "71* 70 67 71* **94**",
}
# The later tables: GPT-4, then the mean of two people. In both, 阅读理解 marks 74* and 69* where D7b-4-1 has more.
LATER = [
    "80* 78 78 68 **95**",
    "77* 77* 77* 64 **86**",
    "56 65* 55 61 **91**",
    "**91** **91** **91** 88* 88*",
    "69* 69* 69* 43 **86**",
    "62* 62* 62* 57 **96**",
    "87* 87* 87* 71 **95.5**",
    "83* 82 82 69.75 **96.25**",
    "76.5* 76.5* 76.5* 62.5 **84**",
    "44 51.5* 43 47 **81.5**",
    "89* 89* 89* 85.5 **91**",
    "55* 55* 55* 37.5 **87.5**",
    "61.5* 61.5* 61.5* 57 **88.5**",
    "84* 84* 84* 70 **95.5**",
]


def numbers(row: str) -> dict[str, float]:
    return {name: float(cell.strip("*")) for name, cell in zip(SYSTEMS, row.split(), strict=True)}


def marked(points: dict[str, float], own: Sequence[str] = ()) -> dict[str, str]:
    found = standings(points, own)
    return {name: printed(Points(value, 0, found[name])) for name, value in points.items()}


@pytest.mark.parametrize("row", [*PUBLISHED.values(), *LATER])
def test_marks_as_published(row: str) -> None:
    assert " ".join(marked(numbers(row), OWN).values()) == row


def test_the_marks_that_were_published_otherwise() -> None:
    assert " ".join(marked(numbers("74 74 74 76.5 96.5"), OWN).values()) == "74 74 74 76.5* **96.5**"
    assert " ".join(marked(numbers("69 69 69 75.75 96"), OWN).values()) == "69 69 69 75.75* **96**"


def test_without_own_all_are() -> None:
    assert marked({"a": 1.0, "b": 3.0, "c": 2.0}) == {"a": "1", "b": "**3**", "c": "2*"}
    assert marked({"a": 1.0, "b": 3.0, "c": 2.0}, ["a"]) == {"a": "1*", "b": "**3**", "c": "2"}
    assert marked({"a": 1.0, "b": 1.0}) == {"a": "**1**", "b": "**1**"}
    assert marked({"a": 0.125, "b": 70.0}) == {"a": "0.12*", "b": "**70**"}


def published() -> list[Judgement]:
    """Return ten judgements a task that add up to the published points; the third is one system's own unread one."""
    found = []
    for task, row in PUBLISHED.items():
        for name, points in numbers(row).items():
            for number in range(10):
                value = points / 100 + (0.05 if number % 2 else -0.05) * (points <= 95)
                found.append(Judgement("score", f"{task}/{number}", f"{task}/{number}", task, name, 1, value, 9))
    return found


def test_ten_scores_are_a_task_of_a_hundred_points() -> None:
    table = totals(published())
    assert table.systems == SYSTEMS
    assert table.tasks == tuple(PUBLISHED)
    for task, row in PUBLISHED.items():
        assert {name: table.points[task, name] for name in SYSTEMS} == pytest.approx(numbers(row))
    assert table.sums == pytest.approx(dict(zip(SYSTEMS, (597, 613, 596, 581, 692), strict=True)))
    assert set(table.unread.values()) == {0}
    lines = markdown(table, OWN).split("\n")
    assert lines[0] == "| | D13b-1-3-1 | D13b-2-2-2 | D13b-2-3 | D7b-4-1 | ChatGPT |"
    assert lines[2:10] == [f"| {task} | {' | '.join(row.split())} |" for task, row in PUBLISHED.items()]
    assert lines[10] == "| Σ | 597 | 613* | 596 | 581 | **692** |"


def test_what_cannot_be_read_is_no_points_and_shown() -> None:
    found = [
        Judgement("score", f"q{number}", f"q{number}", "翻译", name, 1, value, 9)
        for number in range(4)
        for name, value in (("a", 0.8 if number else None), ("b", 0.5))
    ]
    table = totals(found)
    assert table.points == {("翻译", "a"): pytest.approx(60), ("翻译", "b"): pytest.approx(50)}
    assert table.unread == {("翻译", "a"): 1, ("翻译", "b"): 0}
    assert "| 翻译 | **60** (1?) | 50* |" in markdown(table)
    (row,) = rows(table, ["b"])
    assert [one.points for one in row.cells] == pytest.approx([60, 50])
    assert [(one.unread, one.standing) for one in row.cells] == [(1, "best"), (0, "own_best")]
    assert sums(table, ["b"]) == row.cells, "one task is all of them"


def test_repeats_are_averaged_before_items() -> None:
    found = [
        Judgement("score", "q1", "q1", "翻译", "a", 1, 1.0, 9),
        Judgement("score", "q1#2", "q1", "翻译", "a", 2, 0.0, 9),
        Judgement("score", "q2", "q2", "翻译", "a", 1, 1.0, 9),
    ]
    assert totals(found).points["翻译", "a"] == pytest.approx(75)


@pytest.mark.parametrize(
    ("name", "reply", "values"),
    [
        ("judged", "System1: 8/10，System2: 5/10", {1: 0.8, 2: 0.5}),
        ("judged", "System2: 5/10", {1: None, 2: 0.5}),
        ("judged_pairs", "[[A]]", {1: 1.0, 2: 0.0}),
        ("judged_pairs", "[[C]]", {1: 0.5, 2: 0.5}),
        ("judged_pairs", "?", {1: None, 2: None}),
    ],
)
def test_judgements_know_place_and_length(name: str, reply: str, values: dict[int, float | None]) -> None:
    benchmark = make_benchmark({"name": name})
    assert isinstance(benchmark, Judging)
    prompts = list(benchmark.about([Answered("q1", (Message("user", "问"),), {"a": "好", "b": "不好吗"}, "翻译")]))
    found = list(judgements(benchmark, prompts, [Completion(prompt.id, text=reply) for prompt in prompts]))
    assert len(found) == 2 * len(prompts)
    for one in found:
        prompt = next(prompt for prompt in prompts if prompt.id == one.prompt_id)
        assert listed(prompt, "order")[one.place - 1] == one.system
        assert one.value == values[one.place]
        assert one.length == {"a": 1, "b": 3}[one.system]
        assert (one.item, one.task, one.kind) == ("q1", "翻译", "score" if name == "judged" else "win")
