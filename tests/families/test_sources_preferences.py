"""Sources of preference pairs: the traps of each, and real pairs to the last row."""

from pathlib import Path
from typing import Any

import pytest
from tests.families.samples_preferences import SAMPLES
from tests.families.sources import SHARED, Sample, check, collected, lines, source_of

from zhiyin.artifacts import PreferenceSet
from zhiyin.data.sources import Source
from zhiyin.execution.catalog import make
from zhiyin.records.conversation import Message
from zhiyin.records.preference import Preference


def pairs(name: str, tmp_path: Path) -> tuple[list[Preference], list[str]]:
    """Return the records of a source's sample, and the reasons of its rejections."""
    made = collected(source_of(name, SAMPLES[name], tmp_path / "in"), tmp_path / "out")
    assert isinstance(made, PreferenceSet)
    return list(made), [row.reason for row in made.rejected]


def test_the_selector_behind_emoji_is_taken_off_every_text(tmp_path: Path) -> None:
    """Two answers that differ by it alone are the same."""
    (kept,), reasons = pairs("dpo_zh_en_emoji", tmp_path)
    assert (kept.prompt[0].content, kept.chosen, kept.rejected) == ("晴天☀叫什么？", "大晴天☀！", "A sunny day☀!")
    assert reasons == [
        "chosen and rejected are the same text",
        "no field 'answer_en' (did you mean 'answer_zh'?); the row has question, answer_zh",
    ]


def test_an_empty_system_prompt_makes_no_turn(tmp_path: Path) -> None:
    for name in ("orca_dpo_pairs", "chinese_dpo_pairs"):
        (without, under), _ = pairs(name, tmp_path / name)
        assert [turn.role for turn in without.prompt] == ["user"]
        assert [turn.role for turn in under.prompt] == ["system", "user"]


def test_a_line_separator_inside_an_answer_ends_no_row(tmp_path: Path) -> None:
    (first, _), _ = pairs("orca_dpo_pairs", tmp_path)
    assert first.rejected == "No\u2028body knows."


def test_the_set_a_pair_was_translated_from_is_its_kind(tmp_path: Path) -> None:
    found, _ = pairs("chinese_dpo_pairs", tmp_path)
    assert [record.kind for record in found] == ["orca", "hh"]


def test_turns_before_the_question_are_part_of_the_prompt(tmp_path: Path) -> None:
    found, reasons = pairs("dpo_en_zh_20k", tmp_path)
    assert found[1].prompt == (Message("user", "早"), Message("assistant", "早上好"), Message("user", "再见"))
    assert found[2].prompt[0] == Message("system", "助手")
    assert reasons == [
        "the prompt does not end with a user turn",
        "chosen and rejected are the same text",
        "an empty answer",
        "the rejected answer ends with a user turn",
    ]


def test_scores_become_a_margin_and_equal_answers_prefer_nothing(tmp_path: Path) -> None:
    found, reasons = pairs("gemma2_ultrafeedback_armorm", tmp_path)
    assert [record.meta for record in found] == [{"margin": 0.25}, {"margin": 0.25}]
    assert reasons == ["chosen and rejected are the same text", "the prompt and the turns before the answers differ"]


def test_of_a_folder_of_ultrafeedback_the_pairs_to_train_on_are_read(tmp_path: Path) -> None:
    found, reasons = pairs("ultrafeedback_binarized", tmp_path)
    assert [record.meta["margin"] for record in found] == [2.5, 0.0]
    assert {record.id.rpartition(":")[0] for record in found} == {
        "ultrafeedback_binarized/train_prefs-00000-of-00001.parquet"
    }
    assert reasons == ["an empty answer"]


QUESTIONS = [
    {"question": "水？", "human_answers": ["冷。", "冰。"], "chatgpt_answers": ["温度。", "零度。", "又。"]},
    {"question": "火？", "human_answers": ["热。"], "chatgpt_answers": ["燃烧。"]},
]


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({"chosen": "human"}, {"1": "冷。>温度。", "2": "热。>燃烧。"}),
        ({"chosen": "chatgpt"}, {"1": "温度。>冷。", "2": "燃烧。>热。"}),
        (
            {"chosen": "human", "every": True},
            {
                "1.1.1": "冷。>温度。",
                "1.1.2": "冷。>零度。",
                "1.1.3": "冷。>又。",
                "1.2.1": "冰。>温度。",
                "1.2.2": "冰。>零度。",
                "1.2.3": "冰。>又。",
                "2": "热。>燃烧。",
            },
        ),
    ],
)
def test_the_preferred_side_of_hc3(tmp_path: Path, fields: dict[str, Any], answers: dict[str, str]) -> None:
    made = collected(
        source_of("hc3_chinese_pairs", Sample(0, 0, {"a.jsonl": lines(*QUESTIONS)}, fields), tmp_path), tmp_path / "out"
    )
    found = {record.id: f"{record.chosen}>{record.rejected}" for record in made if isinstance(record, Preference)}
    assert found == {f"hc3_chinese_pairs/a.jsonl:{number}": said for number, said in answers.items()}


def test_hc3_prefers_no_side_by_itself(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="chosen\n  Field required"):
        make(Source, {"name": "hc3_chinese_pairs", "files": [tmp_path]})
    _, reasons = pairs("hc3_chinese_pairs", tmp_path)
    assert reasons == [
        "an empty list in the field 'chatgpt_answers'",
        "an empty answer",
        "chosen and rejected are the same text",
        "the first item of the field 'human_answers' must be a text, not int",
        "field 'chatgpt_answers' must be a list, not str",
    ]


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real data is not at {SHARED}")
@pytest.mark.parametrize(("file", "records"), [("dpo_zh_demo.json", 300), ("dpo_en_demo_sample_100.json", 100)])
def test_real_pairs_are_read_to_the_last_row(tmp_path: Path, file: str, records: int) -> None:
    source = make(Source, {"name": "dpo_en_zh_20k", "files": [SHARED / "llamafactory_demo" / file]})
    made = collected(source, tmp_path)
    assert (made.summary["records"], made.summary["rejected"]) == (records, {})
    check(made)
