"""Duplicates: what survives, what is said of the others, and the same for any number of workers."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import pytest

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.data import shards
from zhiyin.data.deduplicate import DUPLICATES, Config, Duplicate, deduplicate
from zhiyin.data.kernels.squeeze import squeeze
from zhiyin.data.likeness import origins
from zhiyin.data.shards import cut
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference

POEM = "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。红豆生南国，春来发几枝。愿君多采撷，此物最相思。"


def documents(out: Path, texts: Sequence[str]) -> TextSet:
    records = [Document(str(number), text, f"set{number % 2}", "poem") for number, text in enumerate(texts)]
    return TextSet(out, TextSet.write(out, records).summary)


def kept(config: Config, records: TextSet | ConversationSet | PreferenceSet, out: Path) -> list[str]:
    return [record.id for record in deduplicate(config, out=out, runtime=Runtime(), records=records)]


def test_the_first_of_each_group_stays(tmp_path: Path) -> None:
    near = POEM.replace("鸟", "虫")
    texts = [POEM, "另一篇", f" {POEM} ", near, "另一篇！", POEM[::-1]]
    made = deduplicate(Config(), out=tmp_path / "out", runtime=Runtime(), records=documents(tmp_path / "in", texts))
    assert [record.id for record in made] == ["0", "1", "5"]
    assert made.summary == {
        "records": 3,
        "sources": {"set1": 2, "set0": 1},
        "kinds": {"poem": 3},
        "rejected": {"exact duplicate": 2, "near duplicate": 1},
    }
    assert [(row.where, row.reason) for row in made.rejected] == [
        ("2", "exact duplicate"),
        ("3", "near duplicate"),
        ("4", "exact duplicate"),
    ]
    assert list(jsonl.read(tmp_path / "out" / DUPLICATES, Duplicate)) == [
        Duplicate("2", "0", "exact"),
        Duplicate("3", "0", "near"),
        Duplicate("4", "1", "exact"),
    ]


def test_what_is_near_begins_at_the_share_that_is_asked_for(tmp_path: Path) -> None:
    """Of the 5-grams, 14 are in both texts, and 20 in either."""
    whole = "".join(chr(0x4E00 + place) for place in range(21))
    records = documents(tmp_path / "in", [whole, f"{whole[:18]}另三字"])
    assert kept(Config(near=0.7), records, tmp_path / "at") == ["0"]
    assert kept(Config(near=0.701), records, tmp_path / "above") == ["0", "1"]


def test_lines_are_copied_byte_for_byte(tmp_path: Path) -> None:
    lines = [
        b'{"source" : "s", "text":"\\u6625\\u7720", "id":"1"}',
        b'{"id":"2","text":"\xe6\x98\xa5\xe7\x9c\xa0","source":"s"}',
        b'{"id":"3","text":"x","source":"s", "meta":{}}',
    ]
    (tmp_path / "records.jsonl").write_bytes(b"\n".join(lines))
    made = deduplicate(Config(), out=tmp_path / "out", runtime=Runtime(), records=TextSet(tmp_path))
    assert (tmp_path / "out" / "records.jsonl").read_bytes() == lines[0] + b"\n" + lines[2] + b"\n"
    assert [row.row.encode() for row in made.rejected] == [lines[1]]


def test_an_exact_copy_of_a_near_duplicate_goes_with_it(tmp_path: Path) -> None:
    near = POEM.replace("鸟", "虫")
    made = documents(tmp_path / "in", [POEM, near, near])
    assert kept(Config(max_rejected=1), made, tmp_path / "out") == ["0"]
    found = list(jsonl.read(tmp_path / "out" / DUPLICATES, Duplicate))
    assert found == [Duplicate("1", "0", "near"), Duplicate("2", "0", "exact")]
    assert kept(Config(near=1), made, tmp_path / "exact") == ["0", "1"]


def test_a_group_hangs_together(tmp_path: Path) -> None:
    """The third is like the second alone, and goes with it."""
    first, last = POEM, POEM.replace("鸟", "虫").replace("红豆", "黑豆")
    texts = [first, first.replace("鸟", "虫"), last]
    assert [round(likeness(one, other), 2) for one, other in combinations(texts, 2)] == [0.76, 0.57, 0.76]
    assert kept(Config(max_rejected=1), documents(tmp_path / "in", texts), tmp_path / "out") == ["0"]
    assert kept(Config(), documents(tmp_path / "ends", [first, last]), tmp_path / "two") == ["0", "1"]


def test_sums_are_not_taken_for_one_another(tmp_path: Path) -> None:
    texts = ["1.5*3=4.5", "15*3=45", "3+5=8", "3-5=-2", "3*5=15", "３＋５＝８", "a*b", "a/b", "？？", "！！", "", ""]
    assert kept(Config(), documents(tmp_path / "in", texts), tmp_path / "out") == [
        *("0", "1", "2", "3", "4", "6", "7", "8", "9", "10")
    ]


def test_by_what_is_asked(tmp_path: Path) -> None:
    def talk(number: int, *turns: str, system: str = "") -> Conversation:
        said = [Message("system", system)] if system else []
        said += [Message("assistant" if place % 2 else "user", text) for place, text in enumerate(turns)]
        return Conversation(str(number), tuple(said), "s")

    records = [
        talk(0, POEM, "甲"),
        talk(1, POEM, "乙", "再问", "丙", system="你是诗人"),
        talk(2, "问", "甲"),
        talk(3, "问?", POEM),
    ]
    made = ConversationSet(tmp_path / "in", ConversationSet.write(tmp_path / "in", records).summary)
    assert kept(Config(by="asked"), made, tmp_path / "asked") == ["0", "2"]
    assert kept(Config(near=1), made, tmp_path / "text") == ["0", "1", "2", "3"]
    pairs = [
        Preference(str(number), (Message("user", POEM),), better, "坏", "s") for number, better in enumerate("好妙好")
    ]
    preferences = PreferenceSet(tmp_path / "pairs", PreferenceSet.write(tmp_path / "pairs", pairs).summary)
    assert kept(Config(near=1), preferences, tmp_path / "p1") == ["0", "1"]
    assert kept(Config(by="asked", max_rejected=1), preferences, tmp_path / "p2") == ["0"]


def likeness(one: str, other: str) -> float:
    """Compare two texts by their sets of 5-grams, the slow way."""
    first, second = (
        {key[start : start + 5] for start in range(len(key) - 4)} for key in squeeze([one, other], "signs").texts()
    )
    return len(first & second) / max(len(first | second), 1)


def corpus(seed: int, base: int) -> list[tuple[str, int]]:
    """Make texts with their group: about one edit for 80 characters in a near copy, some exact copies."""
    random = Random(seed)
    han = [chr(point) for point in random.sample(range(0x4E00, 0x9000), 800)]
    originals = ["".join(random.choices(han, k=random.randrange(80, 400))) for _ in range(base)]
    made = [(text, group) for group, text in enumerate(originals)]
    for _ in range(base // 2):
        group = random.randrange(base)
        text = list(originals[group])
        for _ in range(len(text) // 80):
            place = random.randrange(len(text))
            text[place : place + random.randrange(2)] = random.choice(["的", "，", "  ", "", "乙"])
        made.append(("".join(text), group))
        again = random.randrange(base)
        made.append((originals[again], again))
    random.shuffle(made)
    return made


def test_near_copies_are_found_and_strangers_stay(tmp_path: Path) -> None:
    made = corpus(1, 1000)
    ids = kept(Config(), documents(tmp_path / "in", [text for text, _ in made]), tmp_path / "out")
    groups = [made[int(name)][1] for name in ids]
    assert len(set(groups)) == 1000
    assert len(groups) - 1000 <= 5  # of 500 near copies


def test_groups_are_those_of_all_pairs(tmp_path: Path) -> None:
    """Where the bands find every pair, the result is that of comparing each with each; and no order changes it."""
    texts = [text for text, _ in corpus(2, 60)]
    parent = list(range(len(texts)))
    for one, other in combinations(range(len(texts)), 2):
        if likeness(texts[one], texts[other]) >= 0.7:
            low, high = sorted((parent[one], parent[other]))
            parent = [low if label == high else label for label in parent]
    made = documents(tmp_path / "in", texts)
    found = origins(cut(tmp_path / "in" / "records.jsonl"), TextSet, "text", 0.7, Runtime())
    assert found.rows.tolist() == parent
    assert made.summary["records"] == len(texts)

    order = np.random.default_rng(0).permutation(len(texts))
    documents(tmp_path / "other", [texts[place] for place in order])
    again = origins(cut(tmp_path / "other" / "records.jsonl"), TextSet, "text", 0.7, Runtime())
    groups = {frozenset(np.flatnonzero(found.rows == root).tolist()) for root in found.rows.tolist()}
    shuffled = {frozenset(order[again.rows == root].tolist()) for root in again.rows.tolist()}
    assert groups == shuffled


def test_the_same_for_any_number_of_workers_and_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = documents(tmp_path / "in", [text for text, _ in corpus(3, 200)])
    written = []
    for name, workers, size in (("whole", 1, shards.SIZE), ("cut", 1, 20_000), ("pool", 2, 20_000)):
        monkeypatch.setattr(shards.cut, "__defaults__", (size,))
        made = deduplicate(Config(), out=tmp_path / name, runtime=Runtime(workers=workers), records=records)
        files = ("records.jsonl", "rejected.jsonl", DUPLICATES)
        written.append(([(tmp_path / name / file).read_bytes() for file in files], made.summary))
    assert len(cut(tmp_path / "in" / "records.jsonl")) > 5
    assert written[0] == written[1] == written[2]
    assert written[0][1]["rejected"]["near duplicate"] > 50


def test_too_many_duplicates_and_an_empty_set_are_errors(tmp_path: Path) -> None:
    """Rows that are made from a pattern are all near: 110 of 20,000 would be left without a word."""
    rows = documents(tmp_path / "in", [f"{POEM}{number}" for number in range(9)] + ["另一篇"])
    said = r"deduplicate: 8 of 10 rows rejected \(80.0%, max_rejected is 50.0%\), 2 records kept\n  8 x near duplicate"
    with pytest.raises(ValueError, match=said):
        kept(Config(), rows, tmp_path / "out")
    assert kept(Config(max_rejected=0.8), rows, tmp_path / "let") == ["0", "9"]
    with pytest.raises(ValueError, match=r"deduplicate: 0 of 0 rows rejected .* 0 records kept"):
        kept(Config(), documents(tmp_path / "none", []), tmp_path / "empty")


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text('{"id":"1","text":"a","source":"s"}\n{"id":2}\n')
    with pytest.raises(ValueError, match=r"records.jsonl:2: not a Document"):
        deduplicate(Config(), out=tmp_path / "out", runtime=Runtime(), records=TextSet(tmp_path))
