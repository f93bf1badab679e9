"""The steps of the room in one plan, as a recipe wires them, on a store."""

import json
from pathlib import Path
from typing import Any

import pytest

from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.data import as_text, clean, collect, mix, shuffle_answers, split, system_prompts
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step


def plan(files: dict[str, Any], total: int, held_out: int) -> list[Step[Any]]:
    """Wire sources to a training set, its control, the held-out part, and text; `files` are the sources' fields."""
    sources = {}
    for name, fields in files.items():
        rows = step(collect.collect, collect.Config.model_validate({"source": fields}), label=name)
        filters = ["empty_turn", {"name": "length", "max_characters": 800}, "repetition"]
        sources[name] = step(clean.clean, clean.Config.model_validate({"filters": filters}), {"records": rows})
    share = 1 / len(sources)
    mixed = step(mix.mix, mix.Config(ratios=dict.fromkeys(sources, share), total=total), {"sources": sources})
    parts = [
        step(split.split, split.Config.model_validate({"part": part, "held_out": held_out}), {"records": mixed}, part)
        for part in ("train", "held_out")
    ]
    train = step(system_prompts.system_prompts, system_prompts.Config(), {"records": parts[0]})
    control = step(shuffle_answers.shuffle_answers, shuffle_answers.Config(), {"records": train})
    text = step(as_text.as_text, as_text.Config(), {"records": parts[0]})
    return [train, parts[1], control, text]


def test_the_room_makes_a_training_set_its_control_and_text(tmp_path: Path, runtime: Runtime) -> None:
    files = {}
    for name in ("甲", "乙"):
        rows = [{"instruction": f"{name}{n}", "input": "", "output": f"{n}。 "} for n in range(40)]
        (tmp_path / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
        files[name] = {"name": "alpaca_json", "files": [tmp_path / f"{name}.json"], "label": name}
    targets = plan(files, total=60, held_out=10)
    made = {artifact.path.name: artifact for artifact in run(targets, runtime)}
    train, held_out, control, text = (made[target.folder] for target in targets)
    assert isinstance(train, ConversationSet)
    assert isinstance(held_out, ConversationSet)
    assert isinstance(control, ConversationSet)
    assert isinstance(text, TextSet)
    assert [len(list(records)) for records in (train, held_out, control)] == [50, 10, 50]
    assert len(list(text)) == 50
    assert not {record.id for record in train} & {record.id for record in held_out}
    assert train.summary["system_prompts"] == {"none": 10, "fixed": 40, "own": 0}
    assert sum(train.summary["sources"].values()) == 50
    states: list[str] = []
    run(targets, runtime, watch=lambda event: states.append(event.state))
    assert set(states) == {"held"}


SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real data is not at {SHARED}")
def test_the_room_on_real_data(runtime: Runtime) -> None:
    files = {
        "alpaca": {"name": "alpaca_json", "files": [SHARED / "alpaca_zh_mit"]},
        "classical": {"name": "classical_modern", "files": [SHARED / "classical_modern"]},
        "poetry": {"name": "chinese_poetry", "files": [SHARED / "chinese_poetry"]},
        "gemmalm": {"name": "gemmalm_chinese", "files": [SHARED / "gemmalm_chinese_valid"]},
    }
    targets = plan(files, total=8000, held_out=400)
    made = {artifact.path.name: artifact for artifact in run(targets, runtime)}
    train, held_out, control, text = (made[target.folder] for target in targets)
    assert [artifact.summary["records"] for artifact in (train, held_out, control, text)] == [7600, 400, 7600, 7600]
    assert train.summary["system_prompts"] == {"none": 1520, "fixed": 6080, "own": 0}
    # A question of one poem's author has few answers; all others find another one.
    assert sum(control.summary["kept_own"].values()) <= 20
