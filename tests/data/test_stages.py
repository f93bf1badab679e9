"""The three stages of source document 002 at their full size: 80,000 records to train on, and 1,000 aside.

Its prose lists the ratios in the wrong order (X1, X2); what is built here are its counts.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.data.stages import DOMAINS, STAGE_2, STAGE_2_VALID, STAGE_3, STAGE_3_VALID, TASKS, plausible, real, stage

from zhiyin.artifacts import ConversationSet
from zhiyin.data import mix, split
from zhiyin.execution.runtime import Runtime


@dataclass(frozen=True)
class Desk:
    """A folder in which sets are mixed and split."""

    path: Path

    def _out(self) -> Path:
        return self.path / f"{len(list(self.path.iterdir()))}"

    def mixed(self, sources: dict[str, ConversationSet], **fields: Any) -> ConversationSet:
        config = mix.Config.model_validate({"seed": 42, **fields})
        made = mix.mix(config, out=self._out(), runtime=Runtime(), sources=sources)
        assert isinstance(made, ConversationSet)
        return made

    def parted(self, records: ConversationSet, held_out: int, train: int, valid: int) -> dict[str, ConversationSet]:
        """Return both parts of a stage, each drawn down to its size."""
        parts = {}
        for part, total in (("train", train), ("held_out", valid)):
            config = split.Config.model_validate({"part": part, "held_out": held_out, "seed": 42})
            whole = split.split(config, out=self._out(), runtime=Runtime(), records=records)
            assert isinstance(whole, ConversationSet)
            parts[part] = self.mixed({"pool": whole}, total=total)
        return parts


@dataclass(frozen=True)
class Pure:
    """The pure sets of the three stages, by part."""

    desk: Desk
    stage1: dict[str, ConversationSet]
    stage2: dict[str, ConversationSet]
    stage3: dict[str, ConversationSet]

    def sources(self, part: str, number: int) -> dict[str, ConversationSet]:
        return {f"stage{one}": getattr(self, f"stage{one}")[part] for one in range(1, number + 1)}


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Pure:
    folder, desk = tmp_path_factory.mktemp("stages"), Desk(tmp_path_factory.mktemp("mixes"))
    samples = [real(n, folder / f"real{n}") for n in (1, 2, 3)]
    halves = {
        "belle": stage(folder / "belle", "belle", {"instruction": 52_000}, samples[0]),
        "alpaca": stage(folder / "alpaca", "alpaca", {"instruction": 52_000}, []),
    }
    stage1 = desk.mixed(halves, ratios={"belle": 0.5, "alpaca": 0.5}, total=100_000)
    assert stage1.summary["taken"] == {"alpaca": 50_000, "belle": 50_000}
    more = {"translation": 40_000, "dialogue": 12_853, "story_generation": 19_048}
    sets = {kind: stage(folder / kind, kind, {kind: more[kind]}, _of(samples[1], kind)) for kind in TASKS}
    stage2 = desk.mixed(sets, caps=dict.fromkeys(TASKS, 20_000))
    assert stage2.summary["kinds"] == dict(Counter(TASKS).most_common())
    assert stage2.summary["records"] == 51_901
    sets = {kind: stage(folder / kind, kind, {kind: 25_000}, _of(samples[2], kind)) for kind in DOMAINS}
    stage3 = desk.mixed(sets, ratios=dict.fromkeys(DOMAINS, 1 / 3), total=60_000)
    assert stage3.summary["kinds"] == DOMAINS
    return Pure(
        desk,
        desk.parted(stage1, 20_000, 80_000, 1_000),
        desk.parted(stage2, 10_381, 41_520, 1_000),
        desk.parted(stage3, 3_000, 30_000, 1_000),
    )


def _of(samples: list[Any], kind: str) -> list[Any]:
    return [record for record in samples if record.kind == kind]


def test_stage_1_has_80_000_records_and_1_000_aside(pure: Pure) -> None:
    assert {part: made.summary["records"] for part, made in pure.stage1.items()} == {"train": 80_000, "held_out": 1_000}
    assert not {one.id for one in pure.stage1["train"]} & {one.id for one in pure.stage1["held_out"]}


@pytest.mark.parametrize(
    ("part", "total", "published"), [("train", 80_000, STAGE_2), ("held_out", 1_000, STAGE_2_VALID)]
)
def test_stage_2_replays_stage_1(pure: Pure, part: str, total: int, published: dict[str, int]) -> None:
    made = pure.desk.mixed(pure.sources(part, 2), ratios={"stage1": 0.7, "stage2": 0.3}, total=total)
    assert made.summary["taken"] == {"stage1": total * 7 // 10, "stage2": total * 3 // 10}
    assert made.summary["kinds"]["instruction"] == published["instruction"]
    plausible(made.summary["kinds"], TASKS, total * 3 // 10)
    plausible(published, TASKS, total * 3 // 10)
    assert len({one.id for one in made}) == total == made.summary["records"]
    exact = pure.desk.mixed(pure.sources(part, 2), quota=published)
    assert dict(Counter(one.kind for one in exact)) == published
    assert sum(published.values()) == total


@pytest.mark.parametrize(
    ("part", "total", "published"), [("train", 80_000, STAGE_3), ("held_out", 1_000, STAGE_3_VALID)]
)
def test_stage_3_replays_both(pure: Pure, part: str, total: int, published: dict[str, int]) -> None:
    ratios = {"stage1": 0.5, "stage2": 0.3, "stage3": 0.2}
    made = pure.desk.mixed(pure.sources(part, 3), ratios=ratios, total=total)
    assert made.summary["taken"] == {name: round(total * share) for name, share in ratios.items()}
    for kinds in (made.summary["kinds"], published):
        assert kinds["instruction"] == total // 2
        plausible(kinds, TASKS, total * 3 // 10)
        plausible(kinds, DOMAINS, total // 5)
    exact = pure.desk.mixed(pure.sources(part, 3), quota=published)
    assert dict(Counter(one.kind for one in exact)) == published
    # What is replayed was seen before: it is of the pure sets, not of the held-out ones.
    aside = {one.id for each in pure.sources("held_out", 3).values() for one in each}
    assert (part == "train") == aside.isdisjoint(one.id for one in made)


def test_the_distribution_is_a_table_of_every_kind_of_every_source(pure: Pure) -> None:
    made = pure.desk.mixed(pure.sources("train", 2), ratios={"stage1": 0.7, "stage2": 0.3}, total=80_000)
    table = made.summary["distribution"]
    assert list(table) == [f"stage1: {kind}" for kind in ("instruction",)] + [
        f"stage2: {kind}" for kind in sorted(TASKS)
    ]
    assert table["stage1: instruction"] == {"wanted": 56_000.0, "taken": 56_000, "available": 80_000, "share": 0.7}
    assert sum(one["taken"] for one in table.values()) == 80_000
    assert sum(one["share"] for one in table.values()) == pytest.approx(1, abs=1e-5)
    assert abs(table["stage2: translation"]["wanted"] - 24_000 * 20_000 / 51_901) < 60
