"""The contract of every source: a record for every good row, round trip, unique ids, sound turns, a stated licence."""

import doctest
import json
import re
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from zhiyin.data.collect import Config, collect
from zhiyin.data.sets import RecordSet, each, write
from zhiyin.data.sources import Source
from zhiyin.execution.catalog import load, make, names
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference

NAMES = names(Source)


@dataclass(frozen=True)
class Sample:
    """Files of a source, its other fields, and how many of the rows are records and rejections."""

    records: int
    rejected: int
    files: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)


def talk(*turns: str, key: str = "from") -> list[dict[str, str]]:
    roles = ("human", "gpt") if key == "from" else ("user", "assistant")
    content = "value" if key == "from" else "content"
    return [{key: roles[place % 2], content: turn} for place, turn in enumerate(turns)]


def rendered(*turns: tuple[str, str]) -> str:
    return "".join(f"<start_of_turn>{role}\n{text}\n<end_of_turn><eos>\n" for role, text in turns)


def array(*rows: object) -> str:
    return json.dumps(rows, ensure_ascii=False)


def lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


ANSWERS = {"chosen": {"from": "gpt", "value": "好"}, "rejected": {"from": "gpt", "value": "坏"}}
POEM = {"title": "靜夜思", "author": "李白", "paragraphs": ["牀前看月光，疑是地上霜。", "舉頭望山月，低頭思故鄉。"]}

SAMPLES = {
    "alpaca_json": Sample(
        3,
        2,
        {
            "zh.json": array(
                {"instruction": "翻译", "input": "知音", "output": "a close friend"},
                {"instruction": "问", "output": "答", "system": "助手", "history": [["早", "早上好"]]},
                {"instruction": "问", "output": ""},
                {"instruction": "问", "output": "答", "history": ["早"]},
                {"instruction": "问", "input": None, "output": "答", "system": "", "history": []},
            )
        },
    ),
    "chinese_poetry": Sample(
        4,
        3,
        {
            "poems.json": array(
                POEM,
                {"rhythmic": "导引", "author": "和岘", "paragraphs": ["气和玉烛，睿化著鸿明。", "缇管一阳生。"]},
                {"title": "关雎", "chapter": "国风", "content": ["关关雎鸠，在河之洲。", "参差荇菜，左右流之。"]},
                {"title": "长相思", "author": "纳兰性德", "para": ["山一程，水一程", "风一更，雪一更"]},
                {**POEM, "paragraphs": ["三危□山"]},
                {**POEM, "paragraphs": []},
                {"author": "李白", "paragraphs": ["无题"]},
            )
        },
    ),
    "classical_modern": Sample(
        2,
        3,
        {
            "论语/学而篇/bitext.txt": "古文：学而时习之 \n现代文：学了又时常温习\n\n古文：孤句\n\n"
            "古文：温故而知新\n现代文：温习旧的，懂得新的\n\n现代文：孤译\n古文：末句\n",
        },
    ),
    "gemmalm_chinese": Sample(
        2,
        3,
        {
            "stage.json": array(
                {"text": rendered(("user", "问\n题"), ("model", "答")), "type": "instruction"},
                {"text": rendered(("system", "助手"), ("user", "问"), ("model", "答")), "type": "dialogue"},
                {"text": rendered(("user", "问"), ("model", "答"))[:-1], "type": "dialogue"},
                {"text": "前" + rendered(("user", "问"), ("model", "答")), "type": "dialogue"},
                {"text": rendered(("user", "问")), "type": "dialogue"},
            )
        },
    ),
    "generated_instructions": Sample(40, 0, fields={"part": "train", "count": 40}),
    "generated_preferences": Sample(40, 0, fields={"part": "train", "count": 40}),
    "generated_prose": Sample(40, 0, fields={"count": 40}),
    "preference_json": Sample(
        7,
        4,
        {
            "pairs.json": array(
                {"conversations": talk("问"), **ANSWERS},
                {"conversations": talk("早", "早", "问"), "system": "助手", "chosen": "好", "rejected": "坏"},
                {"prompt": "问", "chosen": "好", "rejected": "坏"},
                {"prompt": talk("问", key="role"), "chosen": talk("", "好")[1:], "rejected": talk("", "坏")[1:]},
                {"prompt": "问", "chosen": talk("问", "好"), "rejected": talk("问", "坏")},
                {"chosen_messages": talk("问", "好", key="role"), "rejected_messages": talk("问", "坏", key="role")},
                {"instruction": "问", "input": "题", "chosen": "好", "rejected": "坏"},
                {"prompt": "问", "chosen": "同 ", "rejected": "同"},
                {"chosen": talk("问", "好"), "rejected": talk("另问", "坏")},
                {"prompt": "别的", "chosen": talk("问", "好"), "rejected": talk("问", "坏")},
                {"prompt": "问", "chosen": "好"},
            )
        },
    ),
    "sharegpt": Sample(
        3,
        3,
        {
            "talks.jsonl": lines(
                {"conversations": talk("你好", "你好！", "再见", "再见！")},
                {"messages": talk("你好", "你好！", key="role")},
                {"conversations": talk("你好", "你好！"), "system": "助手"},
                {"conversations": [*talk("查"), {"from": "function_call", "value": "f()"}]},
                {"conversations": talk("你好", "你好！", "再见")},
                {"dialogue": []},
            )
        },
    ),
    "text": Sample(
        5,
        1,
        {"a.txt": "一\n\n二 \r\n三\n", "b.jsonl": '{"text": "四"}\n{"text": " "}\n', "c.csv": "n,text\n1,五\n"},
    ),
}


def source_of(name: str, folder: Path) -> Source:
    """Write the sample's files and return the source that reads them."""
    sample = SAMPLES[name]
    for file, content in sample.files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content, encoding="utf-8", newline="")
    return make(Source, {"name": name, **sample.fields, **({"files": [folder]} if sample.files else {})})


def test_every_source_has_a_sample() -> None:
    assert len(NAMES) == 10
    assert set(SAMPLES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_rows_become_records_and_go_round(tmp_path: Path, name: str) -> None:
    source = source_of(name, tmp_path / "in")
    made = collect(Config(source=source, max_rejected=1), out=tmp_path / "out", runtime=Runtime())
    read, rejected = list(made), list(made.rejected)
    assert (len(read), len(rejected)) == (SAMPLES[name].records, SAMPLES[name].rejected), rejected
    assert type(made) is source.yields
    again = collect(Config(source=source, max_rejected=1), out=tmp_path / "again", runtime=Runtime())
    assert list(again) == read
    assert list(each(write(type(made), tmp_path / "copy", each(made)))) == read
    assert all(row.reason and row.where and row.row for row in rejected)


@pytest.mark.parametrize("name", NAMES)
def test_records_are_sound(tmp_path: Path, name: str) -> None:
    source = source_of(name, tmp_path / "in")
    check(collect(Config(source=source, max_rejected=1), out=tmp_path / "out", runtime=Runtime()))


def check(made: RecordSet) -> None:
    """Assert that ids are unique, no turn is empty, and roles alternate."""
    ids = set()
    for record in each(made):
        assert record.id not in ids
        assert record.source
        ids.add(record.id)
        if isinstance(record, Document):
            assert record.text.strip()
        elif isinstance(record, Conversation):
            check_turns(record.messages, last="assistant")
        else:
            assert isinstance(record, Preference)
            check_turns(record.prompt, last="user")
            assert record.chosen.strip()
            assert record.rejected.strip()
            assert record.chosen != record.rejected
    assert ids


def check_turns(messages: tuple[Message, ...], last: str) -> None:
    body = messages[messages[0].role == "system" :]
    assert [turn.role for turn in body] == [("user", "assistant")[place % 2] for place in range(len(body))]
    assert body[-1].role == last
    assert all(turn.content.strip() for turn in messages)


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_states_home_licence_size_and_schema(name: str) -> None:
    member = load(Source, name)
    stated = f"{import_module(member.__module__).__doc__}\n{member.__doc__}"
    for word in ("Home", "Licence", "Size", "Schema"):
        assert re.search(rf"\b{word}( of a row)?: \S", stated), f"{name}: the docstring has no `{word}:`"


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_row_of_the_docstring_is_read(name: str) -> None:
    module = import_module(load(Source, name).__module__)
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_prompts_of_preferences_are_the_same_in_every_form(tmp_path: Path) -> None:
    made = collect(
        Config(source=source_of("preference_json", tmp_path), max_rejected=1), out=tmp_path / "out", runtime=Runtime()
    )
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
    made = collect(
        Config(source=source_of("alpaca_json", tmp_path), max_rejected=1), out=tmp_path / "out", runtime=Runtime()
    )
    second = list(made)[1]
    assert isinstance(second, Conversation)
    assert [(turn.role, turn.content) for turn in second.messages] == [
        ("system", "助手"),
        ("user", "早"),
        ("assistant", "早上好"),
        ("user", "问"),
        ("assistant", "答"),
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
    made = collect(Config(source=source, max_rejected=1), out=tmp_path / "out", runtime=Runtime())
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
    made = list(collect(Config(source=source, max_rejected=1), out=tmp_path / "out", runtime=Runtime()))
    assert isinstance(made[0], Conversation)
    assert question in made[0].messages[0].content
    assert made[0].messages[1].content == answer
    assert made[0].kind == f"poetry_{task}"


SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
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
    made = collect(Config(source=source, max_rejected=1), out=tmp_path, runtime=Runtime())
    assert (made.summary["records"], sum(made.summary["rejected"].values())) == (records, rejected)
    check(made)
