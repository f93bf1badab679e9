"""The data recipes from files on this disk, in small and, marked slow, at the full size of the documents."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.data.stages import DOMAINS, TASKS, plausible
from tests.e2e.data_roots import chain_files, stage_files

from zhiyin.artifacts import ConversationSet
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.recipe.wiring import load_recipe

pytestmark = pytest.mark.skipif(
    not (Path(__file__).resolve().parents[3] / "shared" / "data").is_dir(), reason="there is no ../shared/data"
)

FULL = {"belle": 56_000, "alpaca": 52_900, "news": 12_000, "answers": 12_853, "stories": 19_048}
FULL |= dict.fromkeys(("modern", "ancient", "history"), 21_000)
SMALL = {name: max(300, size // 50) for name, size in FULL.items()}
FEWER = ["total=1600", "validation=100", "stage1_each=1040", "stage1_aside=400", "stage2_each=400"]
FEWER += ["stage2_aside=208", "stage3_each=300", "stage3_aside=150", "stage3_total=600"]
LATER = {2: ("news", "answers", "stories", "stage2"), 3: ("modern", "ancient", "history", "stage3")}
"""Labels and variables that a stage adds."""


@pytest.fixture(autouse=True)
def _in_the_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)


def made(name: str, store: Path, overrides: Sequence[str], workers: int = 1) -> dict[str, Any]:
    """Run a recipe of `recipes/data/` and return its artifacts by label."""
    recipe = load_recipe(Path(f"recipes/data/{name}.yaml"), overrides)
    found = run(recipe.steps.values(), Runtime(store=store, workers=workers))
    by_folder = {artifact.path.name: artifact for artifact in found}
    return {label: by_folder[step.folder] for label, step in recipe.steps.items()}


def counts(records: ConversationSet) -> dict[str, int]:
    return dict(Counter(record.kind for record in records))


def check_stages(found: dict[str, Any], total: int, validation: int) -> None:
    """Check the totals of all stages, their kinds, and that nothing aside is trained on."""
    for suffix, size in (("", total), ("_valid", validation)):
        stage1, stage2, stage3 = (found[f"stage{number}{suffix}"] for number in (1, 2, 3))
        assert [one.manifest.summary["records"] for one in (stage1, stage2, stage3)] == [size] * 3
        assert counts(stage1) == {"instruction": size}
        assert stage1.manifest.summary["system_prompts"]["none"] == size // 5
        assert stage2.manifest.summary["taken"] == {"stage1": size * 7 // 10, "stage2": size * 3 // 10}
        assert stage3.manifest.summary["taken"] == {
            "stage1": size // 2,
            "stage2": size * 3 // 10,
            "stage3": size // 5,
        }
        tasks, even = (found[label].manifest.summary["kinds"] for label in ("capped_tasks", "even_domain"))
        for one in (stage2, stage3):
            plausible(counts(one), tasks, size * 3 // 10)
            assert set(tasks) == set(TASKS)
        plausible(counts(stage3), even, size // 5)
        assert set(even) == set(DOMAINS)
    for number in (1, 2, 3):
        aside = {record.id for record in found[f"stage{number}_valid"]}
        assert aside.isdisjoint(record.id for record in found[f"stage{number}"])


def stages(store: Path, overrides: Sequence[str], workers: int = 1) -> dict[str, Any]:
    """Run the three recipes on one store; what an earlier one has made, a later one finds."""
    found: dict[str, Any] = {}
    for number, later in ((1, (*LATER[2], *LATER[3])), (2, LATER[3]), (3, ())):
        more = made(f"stage{number}", store, [word for word in overrides if not word.startswith(later)], workers)
        assert all(more[label].path == one.path for label, one in found.items() if label in more)
        assert found.keys() - more.keys() <= {"stage2", "stage2_valid"}
        found |= more
    return found


def test_the_stages_of_document_002_in_small(tmp_path: Path) -> None:
    check_stages(stages(tmp_path / "store", [*stage_files(tmp_path / "hub", SMALL), *FEWER]), 1600, 100)


@pytest.mark.slow
def test_the_stages_of_document_002_at_full_size(tmp_path: Path) -> None:
    found = stages(tmp_path / "store", stage_files(tmp_path / "hub", FULL), workers=2)
    check_stages(found, 80_000, 1_000)
    tasks = found["capped_tasks"].manifest.summary["kinds"]
    assert tasks["translation"] == 20_000
    # Of the real samples some are duplicates, or what an exam asks.
    assert 12_700 <= tasks["dialogue"] <= 12_853
    assert 18_700 <= tasks["story_generation"] <= 19_048
    assert found["even_domain"].manifest.summary["kinds"] == DOMAINS
    assert found["domain_alone"].manifest.summary["records"] == 30_000


CHAIN = {"firefly": 2_000, "values": 300, "translated": 800, "counselling": 400}
ASIDE = ["f1.held_out=40", "f1_valid.held_out=40"]


def check_chain(found: dict[str, Any], sizes: dict[str, int], aside: int) -> None:
    """Check that f1 is a fifth of every kind, and that each part has its records aside."""
    whole = found["firefly"].manifest.summary["kinds"]
    part = found["f1_part"].manifest.summary["kinds"]
    assert part == {kind: -(-count // 5) for kind, count in whole.items()}
    for label, size, held_out in (
        ("f1", sum(part.values()), aside),
        ("f2_values", sizes["values"], 200),
        ("f2_translated", sizes["translated"], 500),
        ("f3", sizes["counselling"], 200),
    ):
        train, valid = found[label], found[f"{label}_valid"]
        assert valid.manifest.summary["records"] == held_out
        # Of the real samples some are what an exam asks.
        assert size - 30 <= train.manifest.summary["records"] + held_out <= size
        assert {one.id for one in valid}.isdisjoint(one.id for one in train)
    answer = next(iter(found["f3"])).messages
    assert [turn.role for turn in answer] == ["user", "assistant"]
    assert len(answer[0].content.split("\n")) == 2


def test_the_chain_of_document_003_in_small(tmp_path: Path) -> None:
    found = made("dreamer-f1-f3", tmp_path / "store", [*chain_files(tmp_path / "hub", CHAIN), *ASIDE])
    check_chain(found, CHAIN, 40)


@pytest.mark.slow
def test_the_chain_of_document_003_at_full_size(tmp_path: Path) -> None:
    """A fifth of 400,000 rows is 80,000; COIG and PsyQA as large as they are."""
    sizes = {"firefly": 400_000, "values": 3_000, "translated": 66_858, "counselling": 22_341}
    found = made("dreamer-f1-f3", tmp_path / "store", chain_files(tmp_path / "hub", sizes), workers=2)
    check_chain(found, sizes, 2_000)
    assert 80_000 <= found["f1_part"].manifest.summary["records"] <= 80_025


@pytest.mark.slow
def test_the_sweep_of_replay_shares_runs_to_its_page(tmp_path: Path) -> None:
    """In small, where nothing is claimed but that mixes are what they say, and that the new task is learnt."""
    words = ["old_records.limit=400", "new_records.limit=400", "records=120", "asked=10", "tokenizer.vocab_size=1024"]
    found = made("sweep", tmp_path / "store", [*words, "stage1.num_train_epochs=1"])
    taken = {share: found[f"replay_{share}"].manifest.summary["taken"]["old"] for share in ("00", "30", "50", "70")}
    assert taken == {"00": 0, "30": 36, "50": 60, "70": 84}
    assert all(found[f"learnt_{share}"].manifest.summary["passed"] for share in taken)
    assert {one.id for one in found["old_aside"]}.isdisjoint(one.id for one in found["replay_70"])
    assert (found["page"].path / "page.html").is_file()
