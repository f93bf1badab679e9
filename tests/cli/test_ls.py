"""`zhiyin ls`: what a recipe may say, without importing what is not asked for, and what the store holds."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zhiyin.cli.catalogue import groups

Call = Callable[..., Any]


def test_everything(zhiyin: Call) -> None:
    shown = zhiyin("ls").output
    for line in ("data/sources  The family of data sets.", "training/objectives  The family of objectives."):
        assert line in shown
    assert re.search(r"^  mix +Draw an exact number of records", shown, re.MULTILINE)
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
    assert "    ratios  mapping of text to number, default {}" in lines
    assert "    total  whole number or nothing ≥ 1, default nothing" in lines
    assert "    seed  whole number, default 0" in lines
    assert "      Another seed draws other records, in another order." in lines
    assert lines[1] == "  inputs, by label of a step:"
    assert lines[2].startswith("    sources  mapping of text to TextSet or")


def test_plug_in(zhiyin: Call) -> None:
    lines = zhiyin("ls", "length").output.splitlines()
    assert "    max_characters  whole number ≥ 1, default 4096" in lines
    assert "  inputs, by label of a step:" not in lines


def test_data_sets_say_what_they_are(zhiyin: Call) -> None:
    lines = zhiyin("ls", "dpo_zh_en_emoji").output.splitlines()
    assert lines[1:7] == [
        "  home              https://huggingface.co/datasets/shareAI/DPO-zh-en-emoji",
        "  hub               shareAI/DPO-zh-en-emoji",
        "  size              about 2,400 pairs",
        "  licence           not stated",
        "  commercial use    not stated",
        "  columns verified  yes",
    ]
    assert "  terms             BELLE allows research use only." in zhiyin("ls", "belle").output
    assert "  commercial use    not allowed" in zhiyin("ls", "belle").output
    assert "  licence           said in the recipe, `licence`" in zhiyin("ls", "sharegpt").output
    assert "home" not in zhiyin("ls", "length").output


def test_verified_data_sets_have_a_mark(zhiyin: Call) -> None:
    shown = zhiyin("ls", "sources").output
    assert "  ✓ belle  " in shown
    assert "    llama3_chinese  " in shown
    assert "✓" not in zhiyin("ls", "filters").output


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
