"""Records that quote questions: what is protected of a prompt, what is taken away, and what is said of it."""

import string
from collections.abc import Sequence
from pathlib import Path

import pytest

from zhiyin.artifacts import HITS, ConversationSet, PromptSet, TextSet
from zhiyin.data import shards
from zhiyin.data.decontaminate import Config, decontaminate
from zhiyin.data.quotations import protected
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.contamination import Hit
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.prompt import Prompt

QUESTION = "下列哪一种植物的花在夜里开放，到清晨就凋谢？"
SHORT = "昙花何时开放"
STEM = "下列说法正确的是"
OPTIONS = [f"{word}是一种在夜里开花的植物" for word in ("昙花", "桃花", "梅花", "菊花")]
FILLER = "今天天气很好，我们一起去公园散步。"


def prompts(out: Path, *asked: Prompt) -> PromptSet:
    return PromptSet(out, PromptSet.write(out, asked).summary)


def item(name: str, question: str, options: Sequence[str] = ()) -> Prompt:
    return Prompt(name, text=f"指令：{FILLER}\n{question}", meta={"question": question, "options": list(options)})


def found(folder: Path, asked: PromptSet, *texts: str) -> list[list[str]]:
    """Return the ids of the prompts that each text quotes."""
    records = TextSet.write(folder / "in", [Document(str(place), text, "s") for place, text in enumerate(texts)])
    config = Config(max_rejected=1)
    decontaminate(config, out=folder / "out", runtime=Runtime(), records=keeping(records), prompts={"exam": asked})
    hits = list(jsonl.read(folder / "out" / HITS, Hit))
    return [[hit.prompt_id for hit in hits if hit.record_id == str(place)] for place in range(len(texts))]


def keeping(records: TextSet) -> TextSet:
    """Return the set with one record more, so that one is left."""
    with (records.path / "records.jsonl").open("ab") as file:
        file.write('{"id":"more","text":"别的","source":"s"}\n'.encode())
    return TextSet(records.path)


def test_a_leak_is_taken_away_with_both_texts(tmp_path: Path) -> None:
    def talk(name: str, question: str) -> Conversation:
        return Conversation(name, (Message("user", question), Message("assistant", FILLER)), "s", "k")

    records = [
        talk("clean", "你好"),
        talk("leak", f"请回答：{QUESTION.replace('，', ',')}"),
        talk("other", QUESTION[:9]),
    ]
    made = ConversationSet(tmp_path / "in", ConversationSet.write(tmp_path / "in", records).summary)
    before = (tmp_path / "in" / "records.jsonl").read_bytes().split(b"\n")
    exams = {
        "two": prompts(tmp_path / "two", item("2/0", QUESTION)),
        "one": prompts(tmp_path / "one", item("1/0", QUESTION), item("1/1", "七个字的短问题")),
    }
    out = decontaminate(Config(), out=tmp_path / "out", runtime=Runtime(), records=made, prompts=exams)
    assert [record.id for record in out] == ["clean", "other"]
    assert (tmp_path / "out" / "records.jsonl").read_bytes() == before[0] + b"\n" + before[2] + b"\n"
    (row,) = out.rejected
    assert (row.where, row.reason, row.row.encode()) == ("leak", "quotes one", before[1])
    text = f"{records[1].messages[0].content}\n{FILLER}"
    shared = QUESTION.replace("，", ",")[:-1]
    assert list(jsonl.read(tmp_path / "out" / HITS, Hit)) == [
        Hit("leak", "one", "1/0", "13 characters", shared, text, QUESTION),
        Hit("leak", "two", "2/0", "13 characters", shared, text, QUESTION),
    ]
    assert out.summary == {
        "records": 2,
        "sources": {"s": 2},
        "kinds": {"k": 2},
        "rejected": {"quotes one": 1},
        "quoted": {"one": 1, "two": 1},
        "uncovered": {"one": 1, "two": 0},
    }


def test_only_the_question_is_protected(tmp_path: Path) -> None:
    """Neither the instruction nor the worked examples of a prompt; without `question`, its last user turn is."""
    shots = (Message("user", FILLER), Message("assistant", "好"), Message("user", QUESTION))
    asked = prompts(
        tmp_path / "p",
        item("said", QUESTION),
        Prompt("turns", messages=shots),
        Prompt("raw", text=f"题目：{QUESTION}"),
        Prompt("choice", text="", choices=(QUESTION,)),
    )
    assert found(tmp_path, asked, QUESTION, FILLER) == [["choice", "raw", "said", "turns"], []]


def test_a_short_question_is_told_by_its_options(tmp_path: Path) -> None:
    asked = prompts(tmp_path / "p", item("short", SHORT, OPTIONS))
    listed = "\n".join(f"（{letter}）{text}" for letter, text in zip("ＡＢＣＤ", OPTIONS, strict=True))
    assert found(tmp_path, asked, f"{SHORT}？", f"{SHORT}？\n{listed}", OPTIONS[0]) == [[], ["short"], []]


def test_a_stem_that_many_items_share(tmp_path: Path) -> None:
    words = ("春眠不觉晓", "处处闻啼鸟", "夜来风雨声", "花落知多少", "红豆生南国")
    items = [item(str(place), STEM, [f"{word}是{place}号选项里的一句古诗" for word in words]) for place in range(4)]

    def written(place: int) -> str:
        pairs = zip(string.ascii_uppercase, items[place].meta["options"], strict=False)  # type: ignore[arg-type]
        return "\n".join([STEM, *(f"{letter}、{text}" for letter, text in pairs)])

    few, many = prompts(tmp_path / "few", *items[:3]), prompts(tmp_path / "many", *items)
    texts = (f"{STEM}____", f"{STEM}\nA. 水往低处流\nB. 火是冷的", written(2))
    assert found(tmp_path / "a", few, *texts) == [["0", "1", "2"]] * 3
    assert found(tmp_path / "b", many, *texts) == [["0", "1", "2", "3"], [], ["2"]]
    assert found(tmp_path / "c", many, f"{STEM}____\n{written(2)}") == [["0", "1", "2", "3"]]
    shared = {hit.prompt_id: len(hit.shared) for hit in jsonl.read(tmp_path / "c" / "out" / HITS, Hit)}
    assert shared["2"] > 5 * len(STEM)  # with its options, of which the others have none
    assert {shared[name] for name in "013"} == {len(STEM)}


def test_a_short_question_inside_a_sentence_is_no_quotation(tmp_path: Path) -> None:
    asked = prompts(tmp_path / "p", item("0", "传染性单核细胞增多症____"))
    texts = (
        "什么是传染性单核细胞增多症？",
        "考虑传染性单核细胞增多症的可能性",
        "传染性单核细胞增多症的，传染性单核细胞增多症",
    )
    assert found(tmp_path, asked, *texts) == [["0"], [], ["0"]]


def test_questions_asked_twice_are_looked_for_once(tmp_path: Path) -> None:
    asked = prompts(
        tmp_path / "p", item("a", QUESTION, OPTIONS), item("a@1", QUESTION, OPTIONS[::-1]), item("b", QUESTION)
    )
    assert len(protected((("exam", tmp_path / "p"),)).texts) == 1
    assert found(tmp_path, asked, QUESTION) == [["a", "a@1", "b"]]


def test_the_same_for_any_number_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards.cut, "__defaults__", (4_000,))
    asked = prompts(tmp_path / "p", item("0", QUESTION), item("1", FILLER))
    texts = [f"{place}号：{(QUESTION, FILLER, SHORT, STEM)[place % 4]}" for place in range(300)]
    records = TextSet(tmp_path / "in", {})
    TextSet.write(tmp_path / "in", [Document(str(place), text, "s") for place, text in enumerate(texts)])
    written = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        runtime = Runtime(workers=workers)
        made = decontaminate(Config(), out=out, runtime=runtime, records=records, prompts={"exam": asked})
        written.append(
            ([(out / file).read_bytes() for file in ("records.jsonl", "rejected.jsonl", HITS)], made.summary)
        )
    assert written[0] == written[1]
    assert written[0][1]["rejected"] == {"quotes exam": 150}


def test_too_many_leaks_are_an_error(tmp_path: Path) -> None:
    asked = {"exam": prompts(tmp_path / "p", item("0", QUESTION))}
    TextSet.write(
        tmp_path / "in", [Document(str(place), text, "s") for place, text in enumerate((QUESTION, QUESTION, "好"))]
    )
    with pytest.raises(ValueError, match=r"decontaminate: 2 of 3 rows rejected .*\n  2 x quotes exam; first at 0"):
        decontaminate(Config(), out=tmp_path / "o", runtime=Runtime(), records=TextSet(tmp_path / "in"), prompts=asked)
