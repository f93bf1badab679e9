"""Entries of `dataset_info.json` mean what they mean to LLaMA-Factory, and those that cannot be read say why."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.families.sources import SHARED, array, check, collected, talk, turns

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.data.collect import Config, collect
from zhiyin.data.dataset_info import read_entry
from zhiyin.data.sources import Source
from zhiyin.execution.catalog import make
from zhiyin.execution.step import step
from zhiyin.records.conversation import Document
from zhiyin.records.preference import Preference

DEMO = SHARED / "llamafactory_demo"
REVISION = "0123456789abcdef0123456789abcdef01234567"


def written(folder: Path, entry: dict[str, Any], content: str = "[]", **more: Any) -> dict[str, Any]:
    """Write an entry with its file; return the fields of a source that reads it."""
    (folder / "rows.json").write_text(content, encoding="utf-8")
    found = entry if "hf_hub_url" in entry or "ms_hub_url" in entry else {"file_name": "rows.json", **entry}
    (folder / "dataset_info.json").write_text(json.dumps({"mine": found}), encoding="utf-8")
    return {"name": "dataset_info", "file": folder / "dataset_info.json", "entry": "mine", **more}


def records(folder: Path, entry: dict[str, Any], *rows: object) -> list[Any]:
    return list(collected(make(Source, written(folder, entry, array(*rows))), folder / "out"))


ROW = {"instruction": "问", "input": "题", "output": "答", "system": "助手", "history": [["早", "早上好"]]}


def test_without_columns_the_three_of_alpaca_are_read(tmp_path: Path) -> None:
    """System prompt and history are read only where an entry names them."""
    (record,) = records(tmp_path, {}, ROW)
    assert turns(record) == [("user", "问\n题"), ("assistant", "答")]
    assert (record.id, record.source) == ("mine/rows.json:1", "mine")


def test_with_columns_no_other_is_read(tmp_path: Path) -> None:
    """Firefly's entry names `input` as the prompt; were it the query as well, it would be asked twice."""
    columns = {"prompt": "input", "response": "target"}
    (record,) = records(tmp_path, {"columns": columns}, {"kind": "NLI", "input": "问", "target": "答"})
    assert turns(record) == [("user", "问"), ("assistant", "答")]
    named = {"prompt": "instruction", "response": "output", "system": "system", "history": "history"}
    (record,) = records(tmp_path, {"columns": named}, ROW)
    assert [turn[1] for turn in turns(record)] == ["助手", "早", "早上好", "问", "答"]


def test_a_prompt_without_a_response_is_plain_text(tmp_path: Path) -> None:
    (record,) = records(tmp_path, {"columns": {"prompt": "body"}}, {"body": "春眠不觉晓"})
    assert isinstance(record, Document)
    assert record.text == "春眠不觉晓"
    (tmp_path / "wiki.txt").write_text("一\n\n二\n", encoding="utf-8")
    source = make(Source, written(tmp_path, {"file_name": "wiki.txt", "columns": {"prompt": "text"}}))
    assert [record.text for record in collected(source, tmp_path / "text") if isinstance(record, Document)] == [
        "一",
        "二",
    ]


def test_ranking_makes_pairs_of_both_forms(tmp_path: Path) -> None:
    alpaca = {"ranking": True, "columns": {"prompt": "q", "chosen": "good", "rejected": "bad"}}
    (pair,) = records(tmp_path, alpaca, {"q": "问", "good": "好", "bad": "坏"})
    assert isinstance(pair, Preference)
    assert (pair.prompt[0].content, pair.chosen, pair.rejected) == ("问", "好", "坏")
    columns = {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}
    row = {"conversations": talk("早", "早上好", "问"), "chosen": talk("", "好")[1], "rejected": talk("", "坏")[1]}
    (pair,) = records(tmp_path, {"ranking": True, "formatting": "sharegpt", "columns": columns}, row)
    assert isinstance(pair, Preference)
    assert ([turn.content for turn in pair.prompt], pair.chosen, pair.rejected) == (["早", "早上好", "问"], "好", "坏")


def test_the_kind_of_set_is_known_before_it_is_made(tmp_path: Path) -> None:
    pairs = {"ranking": True, "columns": {"prompt": "q", "chosen": "good", "rejected": "bad"}}
    for entry, kind in (({}, ConversationSet), ({"columns": {"prompt": "q"}}, TextSet), (pairs, PreferenceSet)):
        config = Config.model_validate({"source": written(tmp_path, entry)})
        assert step(collect, config).produces is kind


def test_a_sample_is_drawn_once_and_for_all(tmp_path: Path) -> None:
    rows = [{"instruction": str(number), "output": "答"} for number in range(50)]
    first = [record.id for record in records(tmp_path, {"num_samples": 10}, *rows)]
    assert len(set(first)) == 10
    assert first == [record.id for record in records(tmp_path, {"num_samples": 10}, *rows)]
    assert first != [f"mine/rows.json:{number}" for number in range(1, 11)]
    more = [record.id for record in records(tmp_path, {"num_samples": 20}, *rows)]
    assert set(first) < set(more)
    assert len(records(tmp_path, {"num_samples": 99}, *rows)) == 50


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"columns": {"messages": "m", "kto_tag": "label"}}, "names a column of kto_tag: answers marked good or bad"),
        ({"columns": {"messages": "m", "tools": "tools"}}, "names a column of tools: descriptions of tools cannot"),
        ({"columns": {"messages": "m", "images": "i"}}, "names a column of images: only text can be trained on"),
        ({"formatting": "chatml"}, "the entry 'mine' cannot be read: Invalid enum value 'chatml'"),
        ({"colums": {}}, "the entry 'mine' cannot be read: .*unknown field `colums`"),
        ({"tags": {"user": "u"}}, "the entry 'mine' has unknown tags: user"),
        ({"ranking": True}, "says `ranking`, but names no columns `chosen` and `rejected`"),
        ({"file_name": "", "om_hub_url": "a/b"}, "names neither a file nor a repository of a hub that is read here"),
        (
            {"hf_hub_url": "a/b", "subset": "zh"},
            r"lies in the repository a/b; under `hub`, give .* as `files` those of subset zh, split train",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_runs(tmp_path: Path, entry: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(Source, written(tmp_path, entry))


def test_a_repository_must_be_the_one_of_the_entry(tmp_path: Path) -> None:
    entry = {"hf_hub_url": "a/b", "columns": {"prompt": "q", "response": "r"}}
    place = {"revision": REVISION, "files": ["*.json"]}
    source = make(Source, written(tmp_path, entry, hub={"repo": "a/b", **place}))
    assert source.places == ("a/b@0123456",)
    with pytest.raises(ValueError, match="the entry 'mine' lies in a/b, not in a/c"):
        make(Source, written(tmp_path, entry, hub={"repo": "a/c", **place}))


def test_an_entry_that_is_not_there_is_named_with_its_neighbour(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no entry 'main' \(did you mean 'mine'\?\); it has mine"):
        make(Source, {**written(tmp_path, {}), "entry": "main"})
    many = {f"set{number}": {"file_name": "a.json"} for number in range(23)}
    (tmp_path / "dataset_info.json").write_text(json.dumps(many), encoding="utf-8")
    with pytest.raises(ValueError, match=r"no entry 'mine'; it has set0, .*, set19 and 3 more$"):
        read_entry(tmp_path / "dataset_info.json", "mine")
    (tmp_path / "dataset_info.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"dataset_info\.json: not valid JSON"):
        read_entry(tmp_path / "dataset_info.json", "mine")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real data is not at {SHARED}")
@pytest.mark.parametrize(("entry", "count"), [("identity", 91), ("alpaca_zh_demo", 1000), ("dpo_zh_demo", 300)])
def test_real_entries_are_read_to_the_last_row(tmp_path: Path, entry: str, count: int) -> None:
    source = make(Source, {"name": "dataset_info", "file": DEMO / "dataset_info.json", "entry": entry})
    made = collected(source, tmp_path)
    assert (made.summary["records"], made.summary["rejected"]) == (count, {})
    check(made)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real data is not at {SHARED}")
def test_every_real_entry_is_read_or_refused_with_a_reason() -> None:
    file = DEMO / "dataset_info.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    refused = []
    for name in entries:
        try:
            read_entry(file, name)
        except ValueError as error:
            assert "names a column of" in str(error)  # noqa: PT017
            refused.append(name)
    assert (len(entries), len(refused)) == (104, 21)
