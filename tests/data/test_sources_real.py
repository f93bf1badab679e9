"""The named sets of which real files are at hand are read to the last row; every rejected row has its reason here."""

from collections import Counter
from pathlib import Path

import pytest
from tests.families.sources import SHARED, check, collected, turns

from zhiyin.data.sets import each
from zhiyin.data.sources import Source
from zhiyin.execution.catalog import make
from zhiyin.records.conversation import Conversation

REAL = [
    ("huatuo", "huatuo_med", 3305, {}),
    (
        "smile",
        "smilechat/data",
        297,
        {"a user turn where the assistant's is due": 2, "an assistant turn where the user's is due": 1},
    ),
]
STAND_INS = [
    ("alpaca_gpt4", "llamafactory_demo/alpaca_zh_demo.json", 1000, {}),
    ("belle", "alpaca_zh_mit", 6909, {"an empty assistant turn": 4, "an empty user turn": 1}),
    ("python_code_instructions", "codealpaca_2k", 2015, {"an empty assistant turn": 2}),
]
"""Real files of other sets that have the same columns."""

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real data is not at {SHARED}")


@pytest.mark.parametrize(("name", "place", "records", "reasons"), [*REAL, *STAND_INS])
def test_real_files_are_read_to_the_last_row(
    tmp_path: Path, name: str, place: str, records: int, reasons: dict[str, int]
) -> None:
    made = collected(make(Source, {"name": name, "files": [SHARED / place]}), tmp_path)
    assert (made.summary["records"], made.summary["rejected"]) == (records, reasons)
    check(made)


def test_dialogues_of_huatuo_keep_all_their_turns(tmp_path: Path) -> None:
    file = SHARED / "huatuo_med" / "data-literature" / "liver_cancer_sample_300.json"
    made = collected(make(Source, {"name": "huatuo", "files": [file]}), tmp_path)
    asked = [sum(role == "user" for role, _ in turns(record)) for record in each(made)]
    assert Counter(asked) == {1: 92, 2: 87, 3: 86, 4: 31, 5: 3, 6: 1}
    assert not any("<user>" in text or "<bot>" in text for record in each(made) for _, text in turns(record))


def test_what_smile_leaves_unanswered_is_kept(tmp_path: Path) -> None:
    made = collected(make(Source, {"name": "smile", "files": [SHARED / "smilechat"]}), tmp_path)
    records = [record for record in each(made) if isinstance(record, Conversation)]
    said = sum(len(record.messages) for record in records)
    kept = sum("unanswered" in record.meta for record in records)
    lost = sum(row.row.count('"role"') for row in made.rejected)
    assert said + kept + lost == 3448
    assert kept == 54


def test_windows_of_smile_hold_every_answer(tmp_path: Path) -> None:
    """Of 1,694 answers, as the authors' files have 310,087 in 55,165 dialogues: 5.6 to each."""
    smile = {"name": "smile", "files": [SHARED / "smilechat"]}
    whole = collected(make(Source, smile), tmp_path / "whole")
    made = collected(make(Source, {**smile, "window": 9}), tmp_path / "windows")
    lengths = Counter(len(turns(record)) for record in each(made))
    assert set(lengths) == {2, 4, 6, 8, 10}
    assert sum(lengths.values()) == sum(len(turns(record)) for record in each(whole)) // 2
    assert sum(lengths.values()) + sum(row.row.count('"counselor"') for row in made.rejected) == 1694
    assert made.summary["rejected"] == whole.summary["rejected"]
    check(made)
