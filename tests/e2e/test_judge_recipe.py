"""`recipes/judge.yaml` from end to end: two models and their judge behind a server on this machine."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.evaluation.court import questions
from tests.inference.unruly import Body, Unruly, asked, listening, said

from zhiyin.artifacts import Page, Review, ScoreSet
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.recipe.wiring import load_recipe

WORTH = {"good": 9, "bad": 4}


def court(path: str, body: Body) -> Body:
    """Answer as a model of some worth, or say what the answers are worth."""
    if body["model"] != "judge":
        return said(f"我的回答，价值{WORTH[body['model']]}")
    worth = [int(number) for number in re.findall(r"价值(\d)", asked(body))]
    if "[[A]]" in asked(body):
        return said(f"理由。\n[[{'A' if worth[0] > worth[1] else 'B'}]]")
    return said("\n".join(f"System{place} 分数：{one}" for place, one in enumerate(worth, start=1)))


def made(store: Path, shared: Path, server: Unruly, overrides: Mapping[str, str]) -> dict[str, Artifact]:
    settings = {"shared_data": str(shared), "endpoint": server.url, "ours": "good", "rival": "bad", **overrides}
    given = [f"{name}={value}" for name, value in settings.items()]
    recipe = load_recipe(Path("recipes/judge.yaml"), [*given, "questions_per_task=1"])
    run([recipe.steps["page"]], Runtime(store=store))
    return {label: step.produces(store / step.folder) for label, step in recipe.steps.items()}


def filled(sheet: Path, to: Path) -> Path:
    """Rate every answer as the judge does, but for one point."""
    with sheet.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    with to.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "score": int(row["answer"][-1]) - 1} for row in rows)
    return to


def test_two_models_before_a_judge(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    questions(tmp_path / "shared" / "dreamergpt_test_data")
    with listening(Unruly(court)) as server:
        first = made(tmp_path / "store", tmp_path / "shared", server, {})
        assert server.record.paid.total() == 10 * (2 + 1 + 2)
        sheet = filled(first["review"].path / "ratings.csv", tmp_path / "王.csv")
        second = made(tmp_path / "store", tmp_path / "shared", server, {"review.ratings": f"[{sheet}]"})
        assert server.record.paid.total() == 50, "what people say is asked of no server"
    found = Review(first["review"].path).findings
    assert found.systems == ("ours", "rival")
    assert [one.points for one in found.sums] == pytest.approx([900, 400])
    assert [one.standing for one in found.sums] == ["best", ""]
    won = {one.measure: one.mean for one in ScoreSet(first["wins"].path).scores if not one.group}
    assert won == {"win/ours": 1.0, "win/rival": 0.0}
    people = Review(second["review"].path).findings.people
    assert people.judge is not None
    assert (people.judge.mean_difference, people.judge.same_order) == (1.0, 1.0)
    html = (Page(second["page"].path).path / "page.html").read_text(encoding="utf-8")
    assert html.count('<table class="judged">') == 2
    assert html.count('<table class="people">') == 1
    assert "judge – people" in html
    assert "judge – 王" not in html, "one rater is all people"
    assert ">score of ours<" in html
