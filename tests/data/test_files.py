"""Files are found, and named without regard to where they lie."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zhiyin.data.rows import Row
from zhiyin.data.sources import Source
from zhiyin.data.sources.alpaca_json import AlpacaJson
from zhiyin.data.sources.text import Text
from zhiyin.execution.catalog import make
from zhiyin.records.jsonl import Rejected

ROW = {"instruction": "问", "input": "", "output": "答"}


def ids(source: AlpacaJson) -> list[str]:
    return [source.record(row).id for row in source.rows() if isinstance(row, Row)]


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([ROW]), encoding="utf-8")
    return path


def test_ids_do_not_tell_where_the_files_lie(tmp_path: Path) -> None:
    for place in ("here", "elsewhere/below"):
        put(tmp_path / place / "b" / "one.json")
        put(tmp_path / place / "a.json")
        folder = AlpacaJson(files=(tmp_path / place,), label="mine")
        assert ids(folder) == ["mine/a.json:1", "mine/b/one.json:1"]
        assert ids(AlpacaJson(files=(tmp_path / place / "b" / "one.json",))) == ["alpaca_json/one.json:1"]


def test_the_identity_is_the_bytes_not_the_place(tmp_path: Path) -> None:
    first, second = put(tmp_path / "x" / "a.json"), put(tmp_path / "y" / "a.json")
    assert AlpacaJson(files=(first,)).identity() == AlpacaJson(files=(second,)).identity()
    second.write_text("[]")
    assert AlpacaJson(files=(first,)).identity() != AlpacaJson(files=(second,)).identity()


def test_places_tell_where_to_look(tmp_path: Path) -> None:
    put(tmp_path / "a.json")
    assert [row.where for row in AlpacaJson(files=(tmp_path,)).rows()] == [f"{tmp_path / 'a.json'}:1"]


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    rows = AlpacaJson(files=(put(tmp_path / "a.json"),)).rows()
    next(rows)
    (tmp_path / "a.json").write_text(json.dumps([ROW, ROW]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.json: the file changed while it was read; run again"):
        list(rows)


def test_a_licence_says_what_it_allows(tmp_path: Path) -> None:
    place = {"name": "alpaca_json", "files": [put(tmp_path / "a.json")]}
    with pytest.raises(ValueError, match="'MIT' does not say what is allowed; give `name` and `commercial`"):
        make(Source, {**place, "licence": "MIT"})
    assert make(Source, {**place, "licence": {"name": "MIT", "commercial": True}}).licence.commercial


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    first, second = put(tmp_path / "x" / "a.json"), put(tmp_path / "y" / "a.json")
    with pytest.raises(ValueError, match=r"x/a\.json and .*y/a\.json are both called a\.json"):
        list(AlpacaJson(files=(first, second)).rows())


def test_a_folder_gives_the_files_that_fit(tmp_path: Path) -> None:
    put(tmp_path / "a.json")
    (tmp_path / "SOURCE.md").write_text("not data")
    (tmp_path / "poem.pt").write_text("一首诗")
    assert len(AlpacaJson(files=(tmp_path,)).located()) == 1
    assert [file.path.name for file in Text(files=(tmp_path,), pattern=("*.pt",)).located()] == ["poem.pt"]
    with pytest.raises(
        ValueError, match=r"none of its 3 files fits \*\.csv; they end in \.md, \.json, \.pt, and `pattern` says"
    ):
        AlpacaJson(files=(tmp_path,), pattern=("*.csv",)).located()


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, as_nobody: Callable[[], Any]) -> None:
    put(tmp_path / "a.json")
    put(tmp_path / "deep" / "b.json")
    source = AlpacaJson(files=(tmp_path,))
    assert len(source.located()) == 2
    (tmp_path / "deep").chmod(0o000)
    with as_nobody(), pytest.raises(ValueError, match=r"/deep: the folder cannot be read: Permission denied$"):
        source.located()


def test_a_given_link_is_followed(tmp_path: Path) -> None:
    """A link that the recipe names is meant; one that lies in a folder might be passed over."""
    put(tmp_path / "there" / "a.json")
    (tmp_path / "folder").symlink_to("there")
    (tmp_path / "b.json").symlink_to("there/a.json")
    assert ids(AlpacaJson(files=(tmp_path / "folder", tmp_path / "b.json"))) == [
        "alpaca_json/a.json:1",
        "alpaca_json/b.json:1",
    ]
    with pytest.raises(ValueError, match=r"/folder: a link to a folder is not followed; name it under `files`$"):
        AlpacaJson(files=(tmp_path,)).located()


def test_an_empty_file_among_others_is_set_aside(tmp_path: Path) -> None:
    put(tmp_path / "a.json")
    (tmp_path / "b.json").touch()
    rows = list(AlpacaJson(files=(tmp_path,)).rows())
    assert rows[1:] == [Rejected(f"{tmp_path / 'b.json'}:1", "a file without rows", "")]


REPOSITORY = {"repo": "a/b", "revision": "0123456789abcdef0123456789abcdef01234567", "files": ["*"]}


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"files": ["."], "hub": REPOSITORY}, "`files` or `hub`"),
        ({"modelscope": REPOSITORY, "hub": REPOSITORY}, "`hub` or `modelscope`"),
    ],
)
def test_rows_come_from_one_place(places: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"the rows are in one place: give {said}"):
        AlpacaJson.model_validate(places)


def test_a_source_without_a_place_says_what_to_write() -> None:
    with pytest.raises(
        ValueError, match=r"say where the rows are: `files: \[path\]`, or `hub: \.\.\.`, or `modelscope"
    ):
        AlpacaJson.model_validate({})
    with pytest.raises(
        ValueError, match=r"or `hub: \{repo: Intel/orca_dpo_pairs, revision: <commit>, files: \['\*'\]\}`"
    ):
        make(Source, "orca_dpo_pairs")
