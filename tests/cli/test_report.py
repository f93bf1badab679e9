"""`zhiyin report`: which runs are meant, what is printed, and what is left behind."""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from zhiyin.artifacts import Page
from zhiyin.cli import outcome
from zhiyin.cli.finished import finished_runs
from zhiyin.report.history import Runs
from zhiyin.report.shown import Shown

Call = Callable[..., Any]
COLUMNS = ("COLUMNS", "200")


@pytest.fixture
def two(here: Path, zhiyin: Call, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the little recipe twice, with another learning rate; the links lead to the second run."""
    monkeypatch.setenv(*COLUMNS)
    for overrides in ((), ("rate=0.2",)):
        assert zhiyin("run", "little.yaml", *overrides).exit_code == 0
    return here


def pages(store: Path = Path("store")) -> list[str]:
    """Return the folders of the recipe's pages, the older first."""
    found = [Page(folder) for folder in store.glob("page-*")]
    known = [one for one in found if one.manifest.label == "summary"]
    return [one.path.name for one in sorted(known, key=lambda one: (one.path / "manifest.json").stat().st_mtime_ns)]


def test_two_runs_side_by_side(two: Path, zhiyin: Call) -> None:
    done = zhiyin("report", "before=little.yaml", "after=runs/little")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "Comparison of before, after (before, after)"
    assert "[1/2] score_sft compared  making" in lines
    assert re.fullmatch(
        r"\[2/2\] comparison +made  \d\.\d s", next(line for line in lines if "[2/2]" in line and "made" in line)
    )
    assert "Made 2; 0 steps are held from before." in lines
    (head,) = [line for line in lines if line.strip().startswith("benchmark")]
    assert re.split(r" {2,}", head.strip()) == [
        "benchmark",
        "measure",
        "n",
        "base",
        "before · sft",
        "after · sft",
        "chance",
    ]
    (finding,) = [line for line in lines if "->" in line and "points" in line]
    assert finding.startswith("exam accuracy, before · sft -> after · sft: +0.0 points (95 %: +0.0 to +0.0)")
    page = next(Path(line.removeprefix("Report: ")) for line in lines if line.startswith("Report: "))
    assert page.is_file()
    assert page.as_uri() in done.output


def test_the_second_time_nothing_is_made(two: Path, zhiyin: Call) -> None:
    words = ("report", "before=little.yaml", "after=runs/little")
    zhiyin(*words)
    there = sorted(folder.name for folder in Path("store").iterdir())
    again = zhiyin(*words)
    assert "Nothing to make: all 2 steps are held." in again.output
    assert sorted(folder.name for folder in Path("store").iterdir()) == there


def test_every_way_to_name_a_run_leads_to_its_page(two: Path, zhiyin: Call) -> None:
    first, second = pages()
    ways = {
        "little.yaml": first,
        "runs/little": second,
        "little": second,
        "runs/little/09-summary": second,
        "summary": second,
        first: first,
        first[:9]: first,
        f"store/{second}": second,
    }
    found = {way: list(finished_runs([way], Path("store")).values()) for way in ways}
    assert {way: page.path.name for way, (page,) in found.items()} == ways
    assert list(finished_runs(["little.yaml"], Path("store"))) == ["little"]
    assert list(finished_runs(["runs/little"], Path("store"))) == ["little"]
    assert list(finished_runs([f"x={second}"], Path("store"))) == ["x"]


def test_two_runs_of_one_name_are_told_apart_by_their_pages(two: Path) -> None:
    first, second = pages()
    found = finished_runs(["little.yaml", "runs/little", f"mine={second}"], Path("store"))
    short = [name.partition("-")[2][:4] for name in (first, second)]
    assert list(found) == [f"little ({short[0]})", f"little ({short[1]})", "mine"]


def test_a_path_with_an_equals_sign_is_a_path_and_a_name_may_stand_before_it(two: Path) -> None:
    shutil.copytree("runs/little", "runs/lr=0.2", symlinks=True)
    assert list(finished_runs(["runs/lr=0.2"], Path("store"))) == ["lr=0.2"]
    assert list(finished_runs(["b=runs/lr=0.2"], Path("store"))) == ["b"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "no artifact, link or folder is called 'nothing'"),
        (["sft"], "sft is made by train; a run is known by its page"),
        (["=runs/little"], "=runs/little: expected NAME=RUN, such as before=runs/tiny"),
        (["a="], "a=: expected NAME=RUN"),
        (["a=little.yaml", "a=runs/little"], "two runs are called 'a'; give each its own name"),
        (["runs/little", "runs/little"], "two runs are called 'little ("),
        (["runs/empty"], "runs/empty has no finished page"),
        (["other.yaml"], "other.yaml: its page is not made yet; `zhiyin run other.yaml` makes it"),
        (["pageless.yaml"], "pageless.yaml has no finished page"),
        (["twice.yaml"], "twice.yaml has 2 pages (again, summary); name one of them"),
        (["broken.yaml"], "broken.yaml:2: "),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_a_run_is_refused(two: Path, zhiyin: Call, words: list[str], said: str) -> None:
    recipe = Path("little.yaml").read_text(encoding="utf-8")
    Path("runs/empty").mkdir()
    Path("other.yaml").write_text(recipe.replace("rate: 0.1", "rate: 0.3"), encoding="utf-8")
    Path("pageless.yaml").write_text("title: T\ndata:\n  texts: {name: collect}\n", encoding="utf-8")
    second = "report:\n  again: {name: page, scores: {only: score_sft}}\n"
    Path("twice.yaml").write_text(recipe.replace("report:\n", second), encoding="utf-8")
    Path("broken.yaml").write_text("title: T\ndata: 3\n", encoding="utf-8")
    before = sorted(folder.name for folder in Path("store").iterdir())
    refused = zhiyin("report", *words)
    assert refused.exit_code == 2
    assert said in refused.output
    assert "Traceback" not in refused.output
    assert sorted(folder.name for folder in Path("store").iterdir()) == before


def test_a_recipe_changed_since_says_where_the_earlier_run_is(two: Path, zhiyin: Call) -> None:
    text = Path("little.yaml").read_text(encoding="utf-8").replace("rate: 0.1", "rate: 0.3")
    Path("little.yaml").write_text(text, encoding="utf-8")
    refused = zhiyin("report", "little.yaml")
    assert refused.exit_code == 2
    assert f"makes it, and {Path.cwd() / 'runs' / 'little'} holds an earlier run" in refused.output
    assert zhiyin("report", "runs/little").exit_code == 0


def test_the_page_of_a_recipe_may_be_in_another_language(here: Path, zhiyin: Call) -> None:
    zhiyin("run", "little.yaml", "summary.language=zh")
    (only,) = pages()
    assert [page.path.name for page in finished_runs(["little.yaml"], Path("store")).values()] == [only]


def test_a_run_in_another_store_is_refused(two: Path, zhiyin: Call) -> None:
    shutil.copytree("store", "other")
    first, _ = pages()
    refused = zhiyin("report", f"other/{first}")
    assert refused.exit_code == 2
    assert "lies in another store than store; --store names the one that holds it" in refused.output


def test_one_run_alone_in_chinese_with_a_title_and_a_copy(two: Path, zhiyin: Call) -> None:
    done = zhiyin("--lang", "zh", "report", "runs/little", "--title", "小结", "--out", "given")
    assert done.exit_code == 0, done.output
    html = Path("given/page.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in html
    assert "<h1>小结</h1>" in html
    assert Path("given/items.html").is_file()
    assert "base -> sft" not in done.output, "the little page holds no verdict of its own"


def test_a_comparison_stands_for_its_runs(two: Path, zhiyin: Call) -> None:
    zhiyin("report", "before=little.yaml", "after=runs/little")
    found = finished_runs(["comparison"], Path("store"))
    assert [page.path.name for page in found.values()] == pages()
    assert list(found) == ["before", "after"]
    assert list(finished_runs(["x=comparison"], Path("store"))) == ["x before", "x after"]


def test_runs_that_share_every_score_say_so(two: Path, zhiyin: Call) -> None:
    _, second = pages()
    done = zhiyin("report", f"a={second}", f"b={second}")
    assert done.exit_code == 0
    assert "note: b and a share every score that could be compared: they are the same artifacts" in done.output
    assert " · sft" not in done.output


def test_one_run_alone_shows_its_own_verdicts(here: Path, zhiyin: Call) -> None:
    recipe = Path("little.yaml").read_text(encoding="utf-8")
    Path("little.yaml").write_text(
        recipe.replace("name: page,", "name: page, verdicts: {it: verdict},"), encoding="utf-8"
    )
    zhiyin("run", "little.yaml")
    shown = zhiyin("report", "little.yaml")
    assert shown.exit_code == 0, shown.output
    assert "exam accuracy, base -> sft: +50.0 points" in shown.output


@pytest.mark.parametrize(("width", "beside"), [(120, True), (74, False)])
def test_many_models_stand_in_lines(two: Path, width: int, beside: bool) -> None:
    screen = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    runs = finished_runs(["a=little.yaml", "b=runs/little"], Path("store"))
    outcome.show(screen, [score for page in runs.values() for score in Shown.by(page).scores], Runs.of(runs))
    assert isinstance(screen.file, io.StringIO)
    lines = screen.file.getvalue().splitlines()
    assert max(map(len, lines[:12])) <= width
    rows = [line.split() for line in lines if "accuracy" in line or "sft" in line]
    long = ["a", "·", "sft", "500", "75.0", "%", "65.0", "to", "85.0", "25.0", "%"]
    assert (long in rows) == (not beside), lines


@pytest.mark.parametrize("kind", ["tiny", "score", "prepare"])
def test_an_ancestor_that_is_gone_is_named(two: Path, zhiyin: Call, kind: str) -> None:
    for folder in Path("store").glob(f"{kind}-*"):
        shutil.rmtree(folder)
    failed = zhiyin("report", "before=little.yaml", "after=runs/little")
    assert failed.exit_code == 1
    assert re.search(rf"{kind}-\w+ is not a finished artifact: it has no manifest.json", failed.output)
    assert isinstance(failed.exception, SystemExit)


def test_a_damaged_score_is_named_and_no_page_is_made(two: Path, zhiyin: Call) -> None:
    marks = next(file for file in Path("store").glob("score-*/marks.jsonl") if '"value":1.0' in file.read_text())
    marks.write_bytes(marks.read_bytes().replace(b"1.0", b"0.0"))
    failed = zhiyin("report", "before=little.yaml", "after=runs/little")
    assert failed.exit_code == 1
    assert "has other bytes than were committed" in failed.output
    assert "Traceback" not in failed.output
    assert not [folder for folder in Path("store").glob("page-*") if Page(folder).manifest.label == "comparison"]
