"""Judges with a known fault are found out, people's sheets go round, and the step writes it all down."""

import csv
import json
import random
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk, make_benchmark
from tests.evaluation.test_judge import asked, saying

from zhiyin.artifacts import CompletionSet, PromptSet, Review
from zhiyin.evaluation.agreement import agreement, by_people, consistency, kappa, length_bias, position_bias, residuals
from zhiyin.evaluation.judgements import Judgement, judgements
from zhiyin.evaluation.judging import Answered, Judging, listed
from zhiyin.evaluation.rating_sheet import COLUMNS, Rating, read_sheet, write_sheet
from zhiyin.evaluation.review import Config, review
from zhiyin.execution.step import Step, step
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.review import Consistency, Correlation

NAMES = ("a", "b", "c")
Judge = Callable[[str, str, int, int], float]
"""From item, system, place and characters to a score."""


def merit(item: str, system: str) -> float:
    return 3 + 2 * NAMES.index(system) + random.Random(f"{item}/{system}").choice((-1.0, -0.5, 0.0, 0.5, 1.0))


def size(item: str, system: str) -> int:
    """Return a length that has nothing to do with merit."""
    return 10 + int(400 * random.Random(f"length/{item}/{system}").random())


def questions(count: int, names: tuple[str, ...] = NAMES) -> list[Answered]:
    found = []
    for number in range(count):
        answers = {name: "字" * size(f"q{number}", name) for name in names}
        found.append(Answered(f"q{number}", (Message("user", f"第{number}题"),), answers, "翻译"))
    return found


def judging(name: str = "judged", **settings: Any) -> Judging:
    found = make_benchmark({"name": name, **settings})
    assert isinstance(found, Judging)
    return found


def scored(judge: Judge, count: int = 300, repeats: int = 1) -> list[Judgement]:
    benchmark = judging(repeats=repeats)
    prompts = list(benchmark.about(questions(count)))
    replies = []
    for prompt in prompts:
        name = str(prompt.meta["item"])
        lines = [
            f"System{place}: {min(10, max(0, judge(name, system, place, size(name, system)))):g}"
            for place, system in enumerate(listed(prompt, "order"), start=1)
        ]
        replies.append(Completion(prompt.id, text="\n".join(lines)))
    return list(judgements(benchmark, prompts, replies))


def fair(item: str, system: str, place: int, length: int) -> float:
    return merit(item, system)


def fond_of_the_first(item: str, system: str, place: int, length: int) -> float:
    return merit(item, system) + (1.0 if place == 1 else 0.0)


def fond_of_length(item: str, system: str, place: int, length: int) -> float:
    return merit(item, system) + log(length / 100)


PEOPLE = [Rating("王", f"q{number}", name, merit(f"q{number}", name)) for number in range(300) for name in NAMES]


def test_a_liking_for_a_place_is_found() -> None:
    for judge, first, others in ((fair, 0.0, 0.0), (fond_of_the_first, 2 / 3, -1 / 3)):
        places = position_bias(scored(judge))
        assert list(places) == ["1", "2", "3"]
        for place, expected in (("1", first), ("2", others), ("3", others)):
            assert places[place].mean == pytest.approx(expected, abs=0.12)
            assert places[place].low <= expected <= places[place].high
            assert places[place].count == 300


def known(one: Correlation) -> tuple[float, float]:
    assert one.rho is not None
    assert one.p is not None
    return one.rho, one.p


def test_a_liking_for_length_is_found() -> None:
    people = by_people(PEOPLE)
    found = {judge: length_bias(scored(judge), people) for judge in (fair, fond_of_length)}
    rho, p = known(found[fair].with_merit)
    assert abs(rho) < 0.1
    assert p > 0.05
    assert found[fair].against_people == Correlation(None, None), "judge and people are one"
    assert known(found[fond_of_length].with_merit)[0] > 0.5
    rho, p = known(found[fond_of_length].against_people)
    assert rho > 0.95
    assert p < 1e-9


def test_merit_that_comes_with_length_is_no_bias_against_people() -> None:
    people = by_people(
        [rating._replace(score=rating.score + log(size(rating.item, rating.system) / 100)) for rating in PEOPLE]
    )
    noise = random.Random(0)
    judged = scored(lambda *given: fond_of_length(*given) + noise.choice((-0.25, 0.25)))
    found = length_bias(judged, people)
    assert known(found.with_merit)[0] > 0.5
    assert abs(known(found.against_people)[0]) < 0.1


def test_replies_read_in_part_are_left_out_of_biases() -> None:
    judged = scored(fair, count=4)
    broken = [
        Judgement(**{**vars(one), "value": None}) if (one.item, one.system) == ("q2", "b") else one for one in judged
    ]
    assert {one.item for one, _ in residuals(broken)} == {"q0", "q1", "q3"}


def test_kappa_by_hand() -> None:
    # po = 0.7, pe = 0.5 * 0.6 + 0.5 * 0.4 = 0.5
    pairs = [(0, 0)] * 4 + [(0, 1)] * 1 + [(1, 0)] * 2 + [(1, 1)] * 3
    assert kappa(pairs, 2, None) == pytest.approx((0.7 - 0.5) / 0.5)
    # Quadratic weights: 1 - sum(w * observed) / sum(w * expected), written out as loops.
    graded = [(0, 0), (1, 2), (2, 2), (3, 1), (1, 1), (4, 4), (4, 3), (0, 1)]
    observed = sum((one - other) ** 2 for one, other in graded) / len(graded)
    expected = sum((one - other) ** 2 for one, _ in graded for _, other in graded) / len(graded) ** 2
    assert kappa(graded, 11, "quadratic") == pytest.approx(1 - observed / expected)
    assert kappa([(3, 3)] * 5, 11, "quadratic") is None
    assert kappa([], 11, "quadratic") is None


def test_agreement() -> None:
    one = {("q1", "a"): 8.0, ("q1", "b"): 4.0, ("q2", "a"): 6.0, ("q2", "b"): 6.0, ("q3", "a"): 1.0}
    other = {("q1", "a"): 7.0, ("q1", "b"): 5.0, ("q2", "a"): 6.0, ("q2", "b"): 9.0, ("q9", "a"): 1.0}
    found = agreement(one, other)
    assert found.answers == 4
    assert found.one_side_only == 2
    assert found.mean_difference == pytest.approx((1 - 1 + 0 - 3) / 4)
    assert found.mean_absolute_difference == pytest.approx((1 + 1 + 0 + 3) / 4)
    assert (found.orders, found.same_order) == (2, 0.5)
    same = agreement(one, one)
    assert same.kappa == same.spearman == same.order_kappa == pytest.approx(1.0)
    assert agreement({}, {}).kappa is None
    scaleless = agreement(one, other, one_scale=False)
    assert scaleless.kappa is scaleless.mean_difference is None
    assert scaleless.same_order == 0.5


def games(judge: Callable[[Prompt], str], count: int = 100) -> list[Judgement]:
    benchmark = judging("judged_pairs")
    prompts = list(benchmark.about(questions(count, ("a", "b"))))
    return list(judgements(benchmark, prompts, [Completion(prompt.id, text=judge(prompt)) for prompt in prompts]))


def test_games_in_both_orders() -> None:
    by_place = consistency(games(lambda prompt: "[[A]]"))
    assert by_place == Consistency(100, 0.0, 1.0)
    by_name = consistency(games(lambda prompt: "[[A]]" if listed(prompt, "order")[0] == "b" else "[[B]]"))
    assert by_name == Consistency(100, 1.0, 0.5)
    half = consistency(games(lambda prompt: "?" if prompt.id.endswith("#2") else "[[C]]"))
    assert half == Consistency(0, None, 0.5)
    assert consistency(scored(fair, 3, repeats=2)).pairs_of_games == 0


def filled(sheet: Path, to: Path, score: Callable[[dict[str, str]], str]) -> Path:
    with sheet.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    with to.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows({**row, "score": score(row)} for row in rows)
    return to


def test_a_sheet_goes_round(tmp_path: Path) -> None:
    prompts = list(judging(repeats=2).about(questions(5)))
    assert write_sheet(tmp_path / "sheet.csv", prompts) == 15
    raw = (tmp_path / "sheet.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf" + ",".join(COLUMNS).encode())
    by_length = {"字" * size(f"q{number}", name): (f"q{number}", name) for number in range(5) for name in NAMES}
    full = filled(tmp_path / "sheet.csv", tmp_path / "李.csv", lambda row: f"{merit(*by_length[row['answer']]):g}")
    ratings, blank = read_sheet(full, prompts)
    assert blank == 0
    assert sorted(ratings) == sorted(
        Rating("李", f"q{number}", name, merit(f"q{number}", name)) for number in range(5) for name in NAMES
    )
    some = filled(tmp_path / "sheet.csv", tmp_path / "some.csv", lambda row: "" if row["place"] == "2" else " 5 ")
    ratings, blank = read_sheet(some, prompts)
    assert (len(ratings), blank) == (10, 5)


def test_no_answer_becomes_a_formula(tmp_path: Path) -> None:
    one = Answered("q", (Message("user", "问"),), {"a": "=HYPERLINK(1)", "b": "-3"}, "数")
    write_sheet(tmp_path / "sheet.csv", list(judging().ask(one)))
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as lines:
        assert {row["answer"] for row in csv.DictReader(lines)} == {"'=HYPERLINK(1)", "'-3"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("item,score\nq0,5", "sheet.csv: it needs the columns item, score, and place or system; it has"),
        ("item,place,score\nq7,1,5", "sheet.csv:2: no question has the id 'q7'"),
        ("item,place,score\nq0,4,5", "sheet.csv:2: place must be 1 to 3, not '4'"),
        ("item,place,score\nq0,x,5", "sheet.csv:2: place must be 1 to 3, not 'x'"),
        ("item,place,score\nq0,1,11", "sheet.csv:2: a score is a number from 0 to 10, not '11'"),
        ("item,place,score\nq0,1,好", "sheet.csv:2: a score is a number from 0 to 10, not '好'"),
        ("item,place,score\nq0,1,nan", "sheet.csv:2: a score is a number from 0 to 10, not 'nan'"),
        ("item,system,score\nq0,z,5", "sheet.csv:2: no system is called 'z'; there are a, b, c"),
        ("item,system,rater,score\nq0,a,王,5\nq0,a,李,5\nq0,a,王,6", "sheet.csv:4: 王 rated a on q0 twice"),
    ],
)
def test_what_is_wrong_in_a_sheet_is_named(tmp_path: Path, rows: str, message: str) -> None:
    (tmp_path / "sheet.csv").write_text(rows + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="^.*" + message.replace("(", r"\(")):
        read_sheet(tmp_path / "sheet.csv", list(judging().about(questions(2))))


def reviewed(questions: Step[PromptSet], replies: Step[CompletionSet], **config: Any) -> Step[Review]:
    return step(review, Config(**config), {"prompts": questions, "completions": replies})


def test_the_step(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "store")
    tasks = desk.prepared({"name": "judged_tasks"})
    questions = asked(tasks, {name: saying(tasks, f"{name}：{{}}") for name in ("ours", "theirs")})
    replies = saying(questions, "System1: 4分；System2: 6分")
    first = desk.run(reviewed(questions, replies, own=("ours",)))
    report = json.loads((first.path / "review.json").read_text(encoding="utf-8"))
    assert report["judged"]["judgements"] == 40
    assert report["judged"]["places"]["1"]["mean"] == pytest.approx(-1.0, abs=0.2)
    assert report["people"] == {
        "ratings": 0, "blank": 0, "judge": None, "raters": {}, "among_themselves": {}
    }  # fmt: skip
    found = Review(first.path).findings
    assert found.systems == ("ours", "theirs")
    assert [row.task for row in found.rows] == ["数学推理", "多轮对话"]
    assert sum(one.points for one in found.sums) == pytest.approx(200)
    for row in (*(row.cells for row in found.rows), found.sums):
        ours, theirs = row
        best = "best" if ours.points >= theirs.points else "own_best"
        assert (ours.standing, theirs.standing) == (best, "best" if theirs.points >= ours.points else "")
    assert found.people.judge is None
    table = (first.path / "totals.md").read_text(encoding="utf-8")
    assert table.startswith("| | ours | theirs |\n|---|---|---|\n| 数学推理 | ")
    with (first.path / "totals.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["task"], row["system"]) for row in rows] == [
        (task, name) for task in ("数学推理", "多轮对话") for name in ("ours", "theirs")
    ]
    sheets = [
        str(filled(first.path / "ratings.csv", tmp_path / f"{rater}.csv", score))
        for rater, score in {
            "王": lambda row: "4" if row["place"] == "1" else "6",
            "李": lambda row: "5" if row["answer"].startswith("ours") else "",
        }.items()
    ]
    second = desk.run(reviewed(questions, replies, ratings=tuple(sheets)))
    people = json.loads((second.path / "review.json").read_text(encoding="utf-8"))["people"]
    assert (people["ratings"], people["blank"]) == (60, 20)
    assert people["raters"]["王"]["kappa"] == pytest.approx(1.0)
    assert people["raters"]["李"]["answers"] == 20
    assert people["among_themselves"]["李 / 王"]["answers"] == 20


def test_the_step_refuses_what_is_not_judged(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "store")
    tasks = desk.prepared({"name": "judged_tasks"})
    with pytest.raises(ValueError, match="asks no judge: judged_tasks has no systems to compare"):
        desk.run(reviewed(tasks, saying(tasks, "好")))
    questions = asked(tasks, {"ours": saying(tasks, "好")})
    with pytest.raises(ValueError, match="own: no system is called 'outs'; there are ours"):
        desk.run(reviewed(questions, saying(questions, "System1: 4"), own=("outs",)))
