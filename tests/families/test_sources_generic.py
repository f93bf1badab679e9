"""Sources whose files can be anybody's, and collections: what their rows become."""

from pathlib import Path

import pytest
from tests.families import samples_generic, samples_preferences
from tests.families.samples_generic import POEM
from tests.families.sources import SHARED, array, check, collected, source_of, turns

from zhiyin.data.collect import Config, collect
from zhiyin.data.sets import each
from zhiyin.data.sources import Source
from zhiyin.execution.catalog import make
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference


def test_prompts_of_preferences_are_the_same_in_every_form(tmp_path: Path) -> None:
    source = source_of("preference_json", samples_preferences.SAMPLES["preference_json"], tmp_path)
    made = collected(source, tmp_path / "out")
    prompts = [record.prompt for record in made if isinstance(record, Preference)]
    user = Message("user", "问")
    assert prompts[0] == prompts[2] == prompts[3] == prompts[4] == prompts[5] == (user,)
    system = Message("system", "助手")
    assert prompts[1] == (system, Message("user", "早"), Message("assistant", "早"), user)
    assert prompts[6] == (Message("user", "问\n题"),)
    assert {(record.chosen, record.rejected) for record in made if isinstance(record, Preference)} == {("好", "坏")}


def test_an_input_kept_apart_makes_the_instruction_the_system_turn(tmp_path: Path) -> None:
    asked = {"instruction": "翻译", "output": "花"}
    rows = (
        {**asked, "input": "flower"},
        {**asked, "input": " \n"},
        {**asked, "instruction": "", "input": "flower"},
        {**asked, "system": "助手"},
        {**asked, "input": "flower", "system": " ", "history": []},
        {**asked, "input": "flower", "system": "助手"},
        {**asked, "input": "flower", "history": [["早", "早上好"]]},
    )
    (tmp_path / "zh.json").write_text(array(*rows), encoding="utf-8")
    source = {"name": "alpaca_json", "files": [tmp_path / "zh.json"], "separate_input": True}
    made = collect(Config.model_validate({"source": source}), out=tmp_path / "out", runtime=Runtime())
    answer = ("assistant", "花")
    records = [record for record in made if isinstance(record, Conversation)]
    assert [[(turn.role, turn.content) for turn in record.messages] for record in records] == [
        [("system", "翻译"), ("user", "flower"), answer],
        [("user", "翻译"), answer],
        [("user", "flower"), answer],
        [("system", "助手"), ("user", "翻译"), answer],
        [("system", "翻译"), ("user", "flower"), answer],
    ]
    assert [one.reason for one in made.rejected] == [
        "an input kept apart makes the instruction the system turn; this row has a system text as well",
        "an input kept apart stands in the first turn; this row has a history",
    ]


def test_history_and_system_of_alpaca_come_first(tmp_path: Path) -> None:
    made = collected(source_of("alpaca_json", samples_generic.SAMPLES["alpaca_json"], tmp_path), tmp_path / "out")
    assert turns(list(made)[1]) == [
        ("system", "助手"),
        ("user", "早"),
        ("assistant", "早上好"),
        ("user", "问"),
        ("assistant", "答"),
    ]


def test_tags_give_the_parts_of_a_turn_other_names(tmp_path: Path) -> None:
    tags = {"role_tag": "who", "content_tag": "said", "user_tag": "甲", "assistant_tag": "乙", "system_tag": "旁白"}
    turn = [{"who": "旁白", "said": "茶馆"}, {"who": "甲", "said": "早"}, {"who": "乙", "said": "早啊"}]
    rows = (
        {"conversations": turn},
        {"conversations": [{"from": "human", "value": "早"}]},
        {"conversations": [*turn[:2], {"who": "observation", "said": "晴"}]},
        {"conversations": [*turn[:2], {"who": "丙", "said": "早啊"}]},
        {"conversations": "早"},
    )
    (tmp_path / "a.json").write_text(array(*rows), encoding="utf-8")
    source = make(Source, {"name": "sharegpt", "files": [tmp_path / "a.json"], "tags": tags})
    made = collected(source, tmp_path / "out")
    assert [turns(record) for record in made] == [[("system", "茶馆"), ("user", "早"), ("assistant", "早啊")]]
    assert [row.reason for row in made.rejected] == [
        "a turn of the role None; the tags name 旁白, 甲, 乙",
        "a tool's turn; the records have none for tools",
        "a turn of the role '丙'; the tags name 旁白, 甲, 乙",
        "the turns must be a list, not str",
    ]


@pytest.mark.parametrize(
    ("unit", "texts"),
    [
        ("line", ["一\u2028续", "二", "三"]),
        ("paragraph", ["一\u2028续\n二", "三"]),
        ("file", ["一\u2028续\n二\n\n三"]),
    ],
)
def test_units_of_text(tmp_path: Path, unit: str, texts: list[str]) -> None:
    (tmp_path / "a.txt").write_text("\n一\u2028续\n二\n\n三\n", encoding="utf-8")
    source = make(Source, {"name": "text", "files": [tmp_path / "a.txt"], "unit": unit})
    made = collected(source, tmp_path / "out")
    assert [record.text.rstrip() for record in made if isinstance(record, Document)] == texts
    assert next(each(made)).id == "text/a.txt:2"


@pytest.mark.parametrize(
    ("task", "question", "answer"),
    [
        ("write", "靜夜思", "牀前看月光，疑是地上霜。\n舉頭望山月，低頭思故鄉。"),
        ("continue", "牀前看月光，疑是地上霜。", "舉頭望山月，低頭思故鄉。"),
        ("author", "舉頭望山月，低頭思故鄉。", "这首五言绝句的作者是李白。"),
    ],
)
def test_tasks_of_poems(tmp_path: Path, task: str, question: str, answer: str) -> None:
    (tmp_path / "a.json").write_text(array(POEM), encoding="utf-8")
    source = make(Source, {"name": "chinese_poetry", "files": [tmp_path / "a.json"], "tasks": [task]})
    made = list(collected(source, tmp_path / "out"))
    assert isinstance(made[0], Conversation)
    assert question in made[0].messages[0].content
    assert made[0].messages[1].content == answer
    assert made[0].kind == f"poetry_{task}"


REAL = [
    ("alpaca_json", "alpaca_zh_mit", 6909, 5),
    ("alpaca_json", "codealpaca_2k", 2015, 2),
    ("alpaca_json", "huatuo_med/data", 3005, 0),
    ("alpaca_json", "llamafactory_demo/alpaca_zh_demo.json", 1000, 0),
    ("chinese_poetry", "chinese_poetry", 4697, 299),
    ("classical_modern", "classical_modern", 6093, 0),
    ("gemmalm_chinese", "gemmalm_chinese_valid", 3000, 0),
    ("preference_json", "llamafactory_demo/dpo_zh_demo.json", 300, 0),
    ("preference_json", "llamafactory_demo/v1_dpo_demo.jsonl", 10, 0),
    ("sharegpt", "llamafactory_demo/glaive_toolcall_zh_demo_sample_100.json", 48, 52),
]


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real data is not at {SHARED}")
@pytest.mark.parametrize(("name", "place", "records", "rejected"), REAL, ids=[real[1] for real in REAL])
def test_real_data_is_read_to_the_last_row(tmp_path: Path, name: str, place: str, records: int, rejected: int) -> None:
    source = make(Source, {"name": name, "files": [SHARED / place]})
    made = collected(source, tmp_path)
    assert (made.summary["records"], sum(made.summary["rejected"].values())) == (records, rejected)
    check(made)
