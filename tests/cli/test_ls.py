"""`zhiyin ls`: what a recipe may say, without importing what is not asked for, and what the store holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zhiyin.cli.catalogue import groups

Call = Callable[..., Any]


def test_everything(zhiyin: Call) -> None:
    shown = zhiyin("ls").output
    for line in ("data/sources  The family of data sets.", "training/objectives  The family of objectives."):
        assert line in shown
    assert "  mix              Draw an exact number of records" in shown
    assert {"data", "training", "weights", "inference", "evaluation"} <= {group.name for group in groups()}
    every = [member for group in groups() for member in group.members]
    assert len(every) >= 30
    assert all(group.sentence_of(member).endswith(".") for group in groups() for member in group.members)


def test_section_and_family(zhiyin: Call) -> None:
    section = zhiyin("ls", "training").output
    assert "training/objectives" in section
    assert "  train " in section
    assert "data/sources" not in section
    family = zhiyin("ls", "objectives").output
    assert family.startswith("training/objectives  The family of objectives.")
    assert "  dpo " in family
    assert zhiyin("ls", "training/objectives").output == family


def test_step(zhiyin: Call) -> None:
    shown = zhiyin("ls", "mix")
    lines = shown.output.splitlines()
    assert lines[0].startswith("data/mix  Draw an exact number")
    assert "    ratios  mapping of text to number, required" in lines
    assert "    total  whole number ≥ 1, required" in lines
    assert "    seed  whole number, default 0" in lines
    assert "      Another seed draws other records, in another order." in lines
    assert lines[1] == "  inputs, by label of a step:"
    assert lines[2].startswith("    sources  mapping of text to TextSet or")


def test_plug_in(zhiyin: Call) -> None:
    lines = zhiyin("ls", "length").output.splitlines()
    assert "    max_characters  whole number ≥ 1, default 4096" in lines
    assert "  inputs, by label of a step:" not in lines


def test_every_step_and_plug_in_has_its_fields_shown(zhiyin: Call) -> None:
    for group in groups():
        for member in group.members:
            shown = zhiyin("ls", member)
            assert shown.exit_code == 0, shown.output
            assert f"{group.name}/{member}" in shown.output


def test_unknown(zhiyin: Call) -> None:
    shown = zhiyin("ls", "objectivs")
    assert shown.exit_code == 2
    assert "is called 'objectivs' (did you mean 'objectives'?)" in shown.output


def test_artifacts(here: Path, zhiyin: Call) -> None:
    assert zhiyin("ls", "artifacts").output == "store holds no artifact.\n"
    zhiyin("run", "little.yaml")
    shown = zhiyin("ls", "artifacts").output
    train = next(Path("store").glob("train-*")).name
    [line] = [line for line in shown.splitlines() if train in line]
    assert line.split()[0] == "sft"
    assert "2.0 kB" in line
    assert line.rstrip().endswith("loss: 0.25")
    assert shown.splitlines()[-1].startswith("10 artifacts, ")
