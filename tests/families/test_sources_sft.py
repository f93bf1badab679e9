"""The named sets of instructions and dialogues: their wordings and variants, and the faults their files have."""

from pathlib import Path
from typing import Any

import pytest
from tests.families.samples_sft import SAMPLES, alpaca, archive, exam, rounds
from tests.families.sources import Files, Sample, array, lines, made, texts

from zhiyin.data.sources import Source
from zhiyin.execution.catalog import make
from zhiyin.records.conversation import Conversation


def rows(name: str, folder: Path, *values: object, file: str = "a.jsonl", **fields: Any) -> list[Conversation]:
    """Collect written rows, of which none is rejected."""
    records, rejected = made(name, Sample(0, 0, {file: lines(*values)}, fields), folder)
    assert rejected == []
    return records


def test_these_are_the_sets_and_what_is_known_of_them() -> None:
    members = {name: make(Source, {"name": name, "files": ["."]}) for name in SAMPLES}
    assert len(members) == 22
    unverified = {name for name, member in members.items() if not member.verified}
    assert unverified == {"llama3_chinese", "mathglm_arithmetic", "qizhen", "shennong_tcm"}
    usable = {name for name, member in members.items() if member.licence.commercial}
    assert usable == {"coig", "hc3_chinese", "history_trans", "shennong_tcm", "smile"}


KINDS = {
    "alpaca_gpt4": {"instruction"},
    "alpaca_gpt4_silk_road": {"instruction"},
    "baize": {"dialogue"},
    "belle": {"instruction"},
    "chatmed_consult": {"medical"},
    "chinese_modern_poetry": {"modern_poetry_creation"},
    "chinese_poetry_instructions": {"ancient_poetry_creation"},
    "coig": {"translated", "exam", "alignment", "counterfactual", "code"},
    "couplets": {"couplet"},
    "firefly": {"StoryGeneration", "Couplet"},
    "hc3_chinese": {"dialogue"},
    "history_trans": {"classical_translation"},
    "huatuo": {"medical"},
    "llama3_chinese": {"dialogue"},
    "mathglm_arithmetic": {"arithmetic"},
    "mathglm_word_problems": {"word_problem"},
    "news_commentary": {"translation"},
    "psyqa": {"counselling"},
    "python_code_instructions": {"code"},
    "qizhen": {"medical"},
    "shennong_tcm": {"chinese_medicine"},
    "smile": {"counselling"},
}


def test_every_record_has_a_kind(tmp_path: Path) -> None:
    """The words are those of document 002 where it has one."""
    kinds = {name: {one.kind for one in made(name, sample, tmp_path / name)[0]} for name, sample in SAMPLES.items()}
    assert kinds == KINDS


WORDINGS: list[tuple[str, dict[str, Any], dict[str, Any], str, list[str]]] = [
    ("belle", alpaca("译", "friend", "知音"), {}, "instruction", ["译\n知音", "friend"]),
    ("belle", alpaca("译", "friend", "知音"), {"instruction_only": True}, "instruction", ["译", "friend"]),
    (
        "belle",
        {"input": "译：知音", "target": "friend"},
        {"instruction_only": True},
        "instruction",
        ["译：知音", "friend"],
    ),
    ("belle", alpaca("译", "friend", "知音"), {"separate_input": True}, "instruction", ["译", "知音", "friend"]),
    (
        "alpaca_gpt4_silk_road",
        {**alpaca("译", "友", "知音", "_zh"), **alpaca("T", "f", "z")},
        {},
        "instruction",
        ["译\n\n输入：知音", "友"],
    ),
    (
        "alpaca_gpt4_silk_road",
        {**alpaca("译", "友", "知音", "_zh"), **alpaca("T", "f", "z")},
        {"language": "en"},
        "instruction",
        ["T\nz", "f"],
    ),
    (
        "news_commentary",
        {"translation": {"zh": "春。", "en": "Spring."}},
        {"directions": ["en-zh"]},
        "translation",
        ["请将以下英文翻译成中文：\n\nSpring.", "春。"],
    ),
    (
        "firefly",
        {"kind": "StoryGeneration", "input": "海", "target": "从前"},
        {"story_prompt": True},
        "story_generation",
        ["请根据以下提示生成一个故事：\n\n海", "从前"],
    ),
    ("firefly", {"kind": "NLI", "input": "甲", "target": "是"}, {"story_prompt": True}, "NLI", ["甲", "是"]),
    (
        "chinese_poetry_instructions",
        {"instruction": "写一首词", "context": "春", "response": "花"},
        {},
        "ancient_poetry_creation",
        ["请根据以下题目：春，写一首词。", "花"],
    ),
    (
        "history_trans",
        {"inputs": "王曰。", "truth": "王说。"},
        {},
        "classical_translation",
        ["请将以下文言文翻译成现代文：\n\n王曰。", "王说。"],
    ),
    (
        "chinese_modern_poetry",
        {"uuid": "1", "prompt": "使用下列意象写一首现代诗：心，酒", "response": "标题:夜"},
        {},
        "modern_poetry_creation",
        ["使用下列意象写一首现代诗：心，酒", "标题:夜"],
    ),
    ("hc3_chinese", {"question": "水？", "chatgpt_answers": ["温度。"]}, {}, "dialogue", ["水？", "温度。"]),
    ("coig", exam("1+1=?", "A", "数。"), {}, "instruction", ["选出正确答案。\n1+1=?", "数。\n答案：A"]),
    ("coig", exam("1+1=?", "", "数。"), {}, "instruction", ["选出正确答案。\n1+1=?", "数。"]),
    ("coig", exam("1+1=?", "A", "数。"), {"analysis": False}, "instruction", ["选出正确答案。\n1+1=?", "A"]),
    ("coig", exam("1+1=?", "A"), {"separate_input": True}, "instruction", ["选出正确答案。", "1+1=?", "A"]),
]


@pytest.mark.parametrize(("name", "row", "fields", "kind", "said"), WORDINGS)
def test_wordings(
    tmp_path: Path, name: str, row: dict[str, Any], fields: dict[str, Any], kind: str, said: list[str]
) -> None:
    (record,) = rows(name, tmp_path, row, **fields)
    assert (record.kind, texts([record])[0]) == (kind, said)
    roles = [turn.role for turn in record.messages]
    assert roles == [*(["system"] if fields.get("separate_input") else []), "user", "assistant"]


def test_a_pair_of_news_gives_both_directions_under_two_ids(tmp_path: Path) -> None:
    records, rejected = made("news_commentary", SAMPLES["news_commentary"], tmp_path)
    assert [record.id.removeprefix("news_commentary/") for record in records] == [
        *("lines.en:1/zh-en", "lines.en:1/en-zh"),
        *("news.en-zh.tsv:1/zh-en", "news.en-zh.tsv:1/en-zh"),
        *("old.zh-en.tsv:1/zh-en", "old.zh-en.tsv:1/en-zh"),
        *("train.json:1/zh-en", "train.json:1/en-zh"),
    ]
    answers = [said[1] for said in texts(records)]
    assert answers == ["Summer.", "夏天。", "Autumn.", "秋天。", "Winter.", "冬天。", "Spring.", "春天。"]
    assert [(Path(row.where).name, row.reason) for row in rejected] == [
        ("bad.jsonl:1", "not valid JSON: Input data was truncated"),
        ("news.en-zh.tsv:2", "1 parts between tabs, where two are due"),
        ("train.json:2", "nothing in the field 'en'"),
        ("train.json:2", "nothing in the field 'en'"),
    ]


def test_parquet_holds_pairs_as_a_struct(tmp_path: Path) -> None:
    import polars

    polars.DataFrame({"id": ["0"], "translation": [{"en": "Spring.", "zh": "春天。"}]}).write_parquet(
        tmp_path / "a.parquet"
    )
    (record,) = made("news_commentary", Sample(0, 0, {}, {"files": [tmp_path], "directions": ["zh-en"]}), tmp_path)[0]
    assert texts([record]) == [["请将以下中文翻译成英文：\n\n春天。", "Spring."]]


QUESTIONS = [
    {"question": "水？", "human_answers": ["冷。", "冰。"], "chatgpt_answers": ["温度。", "零度。", "又。"]},
    {"question": "火？", "human_answers": ["热。"], "chatgpt_answers": ["燃烧。"]},
]


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({}, {"1": "温度。", "2": "燃烧。"}),
        ({"answers": "human"}, {"1": "冷。", "2": "热。"}),
        ({"every": True}, {"1.1": "温度。", "1.2": "零度。", "1.3": "又。", "2": "燃烧。"}),
        ({"answers": "human", "every": True}, {"1.1": "冷。", "1.2": "冰。", "2": "热。"}),
    ],
)
def test_answers_of_hc3(tmp_path: Path, fields: dict[str, Any], answers: dict[str, str]) -> None:
    records = rows("hc3_chinese", tmp_path, *QUESTIONS, **fields)
    assert {record.id.rpartition(":")[2]: record.messages[1].content for record in records} == answers


def test_a_question_without_an_answer_is_set_aside(tmp_path: Path) -> None:
    _, rejected = made("hc3_chinese", SAMPLES["hc3_chinese"], tmp_path)
    assert [row.reason for row in rejected] == [
        "an empty list in the field 'chatgpt_answers'",
        "an empty assistant turn",
        "field 'chatgpt_answers' must be a list, not str",
    ]


def test_firefly_keeps_its_kinds_and_gives_the_chosen_ones(tmp_path: Path) -> None:
    sample = SAMPLES["firefly"]
    records, rejected = made("firefly", sample, tmp_path)
    assert [record.kind for record in records] == ["StoryGeneration", "Couplet"]
    assert [row.reason for row in rejected] == ["an empty assistant turn", "nothing in the field 'kind'"]
    chosen: Files = {
        "in.jsonl": lines(*({"kind": kind, "input": "a", "target": "b"} for kind in ("NLI", "Couplet", 3, "NLI")))
    }
    records, rejected = made("firefly", Sample(0, 0, chosen, {"kinds": ["NLI"]}), tmp_path / "chosen")
    assert [record.id for record in records] == ["firefly/in.jsonl:1", "firefly/in.jsonl:4"]
    assert [row.reason for row in rejected] == ["field 'kind' must be a text, not int"]
    with pytest.raises(ValueError, match=r"no row is of the kind 'Cuplet' \(did you mean 'Couplet'\?\); there are"):
        made("firefly", Sample(0, 0, sample.files, {"kinds": ["NLI", "Cuplet"]}), tmp_path / "misspelt")


DISTRESS = {
    "question": "失眠",
    "description": "一个月了。",
    "answers": [{"answer_text": "别急。", "has_label": False}, {"answer_text": "走走。", "has_label": False}],
}


@pytest.mark.parametrize(
    ("variant", "question"),
    list(enumerate(["失眠", "失眠", "失眠 一个月了。", "失眠 一个月了。", "失眠\n一个月了。", "失眠\n一个月了。"])),
)
def test_six_variants_of_psyqa(tmp_path: Path, variant: int, question: str) -> None:
    records = rows("psyqa", tmp_path, DISTRESS, variant=variant)
    answers = ["别急。", "走走。"] if variant % 2 == 0 else ["别急。"]
    assert texts(records) == [[question, answer] for answer in answers]
    (first, *_) = rows("psyqa", tmp_path / "apart", DISTRESS, variant=variant, separate_input=True)
    assert len(first.messages) == (3 if variant > 3 else 2)


def test_marks_of_baize_and_huatuo_become_turns(tmp_path: Path) -> None:
    records, rejected = made("baize", SAMPLES["baize"], tmp_path / "baize")
    assert texts(records) == [
        ["Why?", "Because."],
        ["Why?", "Because.\nReally.", "So?", "Yes."],
        ["Without a topic?", "Yes."],
    ]
    assert [row.reason for row in rejected] == [
        "it ends with a user turn",
        "an empty assistant turn",
        "text before the first turn",
        "text before the first turn",
    ]
    records, rejected = made("huatuo", SAMPLES["huatuo"], tmp_path / "huatuo")
    said = {record.id: [turn.content for turn in record.messages] for record in records}
    assert said["huatuo/liver_cancer.json:1"] == ["病因？", "病毒。", "怎么治？", "手术。"]
    # The two rows with the same words are two records: to drop one is the business of another step.
    assert said["huatuo/llama_data.json:1"] == said["huatuo/llama_data.json:2"] == ["胆管癌？", "黄疸。"]
    assert [row.reason for row in rejected] == [
        "a user turn where the assistant's is due",
        "text outside the turns of a dialogue",
        "an empty assistant turn",
    ]


def test_steps_of_arithmetic_stay_in_the_answer(tmp_path: Path) -> None:
    records, rejected = made("mathglm_arithmetic", SAMPLES["mathglm_arithmetic"], tmp_path)
    assert texts(records) == [["2+3*4=", "2+12=14"], ["1/2=", "0.5"]]
    assert [(Path(row.where).name, row.row) for row in rejected] == [
        ("train.txt:2", '{"text":"5082.0353-9979*-6938="}'),
        ("train.txt:4", '{"text":"7-1"}'),
    ]


def test_couplets_lose_their_blanks_and_keep_to_one_length(tmp_path: Path) -> None:
    records, rejected = made("couplets", SAMPLES["couplets"], tmp_path)
    said = {record.id: [turn.content for turn in record.messages] for record in records}
    assert said == {
        "couplets/test/in.txt:1": ["云淡", "风轻"],
        "couplets/train/in.txt:1": ["海阔凭鱼跃", "天高任鸟飞"],
        "couplets/train/in.txt:2": ["春风", "秋雨"],
    }
    assert [(Path(row.where).name, row.reason) for row in rejected] == [("in.txt:3", "lines of unequal length")]


def test_parts_of_coig_are_told_by_their_files(tmp_path: Path) -> None:
    records, rejected = made("coig", SAMPLES["coig"], tmp_path)
    said = {record.id.removeprefix("coig/").partition("_")[0]: record for record in records}
    assert {name: record.kind for name, record in said.items()} == {
        "counterfactural": "counterfactual",
        "exam": "exam",
        "human": "alignment",
        "leetcode": "code",
        "translated": "translated",
    }
    chat = "counterfactural_correction_multi_round_chat.tar.gz/chat"
    assert said["counterfactural"].id == f"coig/{chat}/0.json:1"
    assert texts([said["counterfactural"]]) == [["李白是宋人吗？", "是唐人。", "谢谢。", "不客气。"]]
    assert texts([said["translated"]]) == [["问\n题", "答"]]
    assert {row.where.partition(f"{tmp_path}/in/")[2]: row.reason for row in rejected} == {
        f"{chat}/1.json:1": "a round whose response is no JSON text of an object {Q, A}",
        f"{chat}/2.json:1": "not valid JSON: Input data was truncated",
        f"{chat}/README.txt:1": "not a JSON file",
        "exam_instructions.jsonl:3": "an empty assistant turn",
        "human_value_alignment_instructions_part1.json:2": "an empty assistant turn",
    }


def test_rounds_are_read_in_order_and_none_is_left_out(tmp_path: Path) -> None:
    ten = rounds(*((str(number), f"{number}!") for number in range(10)))
    (record,) = rows("coig", tmp_path, dict(sorted(ten.items(), reverse=True)))
    assert texts([record])[0][::2] == [str(number) for number in range(10)]
    more = {**ten, "round_10": ten["round_0"]}
    _, (rejected,) = made("coig", Sample(0, 0, {"a.jsonl": lines(ten, more)}), tmp_path / "more")
    assert rejected.reason == "a dialogue of more than 10 rounds"


def test_an_archive_cut_short_is_named(tmp_path: Path) -> None:
    whole = archive({f"{number}.json": b'{"round_0": {"response": "-"}}' * 40 for number in range(40)})
    for content in (whole[: len(whole) // 2], b"no archive"):
        with pytest.raises(ValueError, match=r"chat\.tar\.gz: "):
            made("coig", Sample(0, 0, {"chat.tar.gz": content}), tmp_path)


TRAPS = {
    "U+2028 and U+0085 inside a text": "一\u2028二\u0085三",
    "an emoji with its variation selector": "好☀️",
    "traditional and simplified mixed": "後来，后來",
    "HTML": "多休息。<br/>&nbsp;<b>多喝水</b>",
    "full-width and half-width": "ＡＢＣ，ABC",
}


@pytest.mark.parametrize("text", TRAPS.values(), ids=TRAPS)
@pytest.mark.parametrize(("bom", "end"), [("", "\n"), ("\ufeff", "\r\n")], ids=["plain", "BOM and CRLF"])
def test_texts_are_left_as_they_are(tmp_path: Path, text: str, bom: str, end: str) -> None:
    """JSON lines named `.json`, as BELLE's, ChatMed's and Huatuo's are."""
    content = bom + lines(alpaca(text, text), alpaca("问", text)).replace("\n", end)
    records, rejected = made("belle", Sample(0, 0, {"Belle_open_source_1M.json": content}), tmp_path)
    assert rejected == []
    assert texts(records) == [[text, text], ["问", text]]


def test_columns_of_another_name(tmp_path: Path) -> None:
    row = {"prompt": "问", "output": "答"}
    assert texts(rows("qizhen", tmp_path, row, columns={"instruction": "prompt"})) == [["问", "答"]]
    with pytest.raises(ValueError, match=r"no column 'instruction'.*columns: \{instruction: prompt\}"):
        made("qizhen", Sample(0, 0, {"a.json": array(row)}), tmp_path / "without")
