"""The ledger: every data set behind a set of records or a model, with its records and its licence."""

import json
from pathlib import Path
from typing import Any

import pytest

from zhiyin.artifacts import Checkpoint, ConversationSet
from zhiyin.data import collect, mix
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.ledger import collected, ledger
from zhiyin.records.licence import DataSet, Licence

MIT = {"name": "MIT", "commercial": True}
RESEARCH = {"name": "CC BY-NC 4.0", "commercial": False, "terms": "Research only."}


class Config(StepConfig):
    """A training that is none."""


def train(config: Config, *, out: Path, runtime: Runtime, data: ConversationSet) -> Checkpoint:
    """Make a folder that stands for a model."""
    out.mkdir(parents=True, exist_ok=True)
    return Checkpoint(out)


def rows(folder: Path, name: str, count: int, **fields: Any) -> Step[Any]:
    file = folder / f"{name}.json"
    file.write_text(json.dumps([{"instruction": f"{name}{n}", "output": "答"} for n in range(count)]), encoding="utf-8")
    source = {"name": "alpaca_json", "files": [file], "label": name, **fields}
    return step(collect.collect, collect.Config.model_validate({"source": source}), label=f"from_{file.stem}")


def mixed(sources: dict[str, Step[Any]], ratios: dict[str, float], total: int) -> Step[Any]:
    return step(mix.mix, mix.Config(ratios=ratios, total=total), {"sources": sources}, "mixed")


def test_a_model_is_traced_to_its_data_sets(tmp_path: Path, runtime: Runtime) -> None:
    sources = {
        "甲": rows(tmp_path, "甲", 40, licence=MIT),
        "乙": rows(tmp_path, "乙", 30, licence=RESEARCH),
        "丙": rows(tmp_path, "丙", 10),
    }
    both = mixed(sources, {"甲": 0.75, "乙": 0.25, "丙": 0.0}, 40)
    made = {one.path.name: one for one in run([step(train, Config(), {"data": both}, "model")], runtime)}
    model = next(one for one in made.values() if isinstance(one, Checkpoint))
    lines = ledger(model)
    assert [(line.data_set.name, line.records) for line in lines] == [("甲", 30), ("乙", 10)]
    assert lines[0].data_set == DataSet("甲", "", Licence("MIT", commercial=True), ("甲.json",), verified=False)
    assert lines[1].data_set.licence == Licence("CC BY-NC 4.0", commercial=False, terms="Research only.")
    records = next(one for one in model.lineage if one.manifest.kind == "mix")
    assert ledger(records) == lines
    assert collected(records) is None


@pytest.mark.parametrize(("other", "name", "allowed"), [(RESEARCH, "MIT; CC BY-NC 4.0", False), (MIT, "MIT", True)])
def test_two_collections_of_one_name_allow_what_both_allow(
    tmp_path: Path, runtime: Runtime, other: dict[str, Any], name: str, allowed: bool
) -> None:
    sources = {
        "甲": rows(tmp_path, "甲", 20, licence=MIT, label="同"),
        "乙": rows(tmp_path, "乙", 20, licence=other, label="同"),
    }
    made = run([mixed(sources, {"甲": 0.5, "乙": 0.5}, 20)], runtime)[-1]
    (line,) = ledger(made)
    assert (line.records, line.data_set.licence.name, line.data_set.licence.commercial) == (20, name, allowed)
    assert line.data_set.places == ("甲.json", "乙.json")


def test_records_of_an_unknown_set_have_no_licence(tmp_path: Path, runtime: Runtime) -> None:
    """What was not collected here is not stated, which is never taken for allowed."""
    made = run([rows(tmp_path, "甲", 3)], runtime)[-1]
    manifest = json.loads((made.path / "manifest.json").read_text(encoding="utf-8"))
    del manifest["summary"]["data_set"]
    (made.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (line,) = ledger(made)
    assert (line.data_set.name, line.data_set.licence.commercial, line.records) == ("甲", None, 3)
