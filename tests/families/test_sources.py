"""The contract of every source: a record for every good row, round trip, unique ids, sound turns, a stated licence."""

import doctest
import re
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import cast

import pytest
from tests.families import samples_generic, samples_preferences, samples_sft
from tests.families.sources import Sample, Watched, check, collected, source_of

from zhiyin.data.files import AnyFiles, FileRows
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sets import each, write
from zhiyin.data.sources import Source
from zhiyin.execution.catalog import load, names
from zhiyin.records.licence import Licence

NAMES = names(Source)
SAMPLES: dict[str, Sample] = {**samples_generic.SAMPLES, **samples_preferences.SAMPLES, **samples_sft.SAMPLES}


NAMED = {
    **{
        name: name for name in ("alpaca_gpt4", "alpaca_gpt4_silk_road", "baize", "chatmed_consult", "chinese_dpo_pairs")
    },
    **{name: name for name in ("chinese_modern_poetry", "chinese_poetry_instructions", "coig", "couplets", "firefly")},
    **{name: name for name in ("dpo_en_zh_20k", "dpo_zh_en_emoji", "gemma2_ultrafeedback_armorm", "hc3_chinese")},
    **{name: name for name in ("history_trans", "huatuo", "llama3_chinese", "mathglm_arithmetic", "news_commentary")},
    **{
        name: name
        for name in ("mathglm_word_problems", "orca_dpo_pairs", "psyqa", "python_code_instructions", "qizhen")
    },
    **{name: name for name in ("shennong_tcm", "smile", "ultrafeedback_binarized")},
    "belle_0_5m": "belle",
    "belle_1m": "belle",
}
"""Every set that the source documents name, and the file that reads it."""
OTHERS = {
    *("alpaca_json", "dataset_info", "openai_messages", "preference_json", "sharegpt", "text"),
    *("chinese_poetry", "classical_modern", "gemmalm_chinese", "hc3_chinese_pairs"),
    *("generated_instructions", "generated_preferences", "generated_prose"),
}
"""Sources whose files can be anybody's, collections, a named set read as pairs, and rows made here."""


def test_every_source_has_a_sample() -> None:
    assert len(NAMED) == 29
    assert len(NAMES) == 41
    assert {*NAMED.values(), *OTHERS} == set(NAMES) == set(SAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_rows_become_records_and_go_round(tmp_path: Path, name: str) -> None:
    sample = SAMPLES[name]
    source = source_of(name, sample, tmp_path / "in")
    made = collected(source, tmp_path / "out")
    read, rejected = list(made), list(made.rejected)
    assert (len(read), len(rejected)) == (sample.records, sample.rejected), rejected
    assert type(made) is source.yields
    assert list(collected(source, tmp_path / "again")) == read
    assert list(each(write(type(made), tmp_path / "copy", each(made)))) == read
    assert all(row.reason and row.where and row.row for row in rejected)
    assert set(made.summary["sources"]) == {made.summary["data_set"]["name"]}  # the ledger finds records by it
    check(made)


@pytest.mark.parametrize("name", NAMES)
def test_a_source_says_what_it_is(name: str) -> None:
    """The class says in its variables what the docstring says in words."""
    member = load(Source, name)
    stated = " ".join(f"{import_module(member.__module__).__doc__}\n{member.__doc__}".split())
    said = {
        word: found[1] for word in ("Home", "Licence", "Size") if (found := re.search(rf"\b{word}: (\S.*)", stated))
    }
    assert said["Home"].startswith(member.home)
    assert said["Size"].startswith(member.size)
    assert re.search(r"\bSchema( of a row)?: \S", stated)
    assert isinstance(member.verified, bool)
    if issubclass(member, FileRows):
        assert re.fullmatch(r"([\w.-]+/[\w.-]+)?", member.hub_id)
    if issubclass(member, AnyFiles):
        assert member.model_fields["licence"].default == Licence("not stated", commercial=None)
    else:
        licence = cast("Licence", member.licence)
        assert said["Licence"].startswith(licence.name)
        assert licence.commercial in (True, False, None)
        assert (licence.name == "not stated") <= (licence.commercial is None)


@pytest.mark.parametrize("name", NAMES)
def test_columns_that_are_read_are_declared(tmp_path: Path, name: str) -> None:
    """Only a declared column can be given another name, and the first row is checked for the expected ones."""
    source = source_of(name, SAMPLES[name], tmp_path)
    if not isinstance(source, FileRows) or name == "dataset_info":  # its entry names the columns
        return
    assert source.expects
    declared = {one for wanted in source.expects for one in wanted.split("|")} | set(source.optional)
    for row in source.rows():
        if isinstance(row, Row):
            watched = Watched(row.value)
            with suppress(BadRow):
                source.record(Row(row.where, watched))
            assert watched.asked <= declared


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_row_of_the_docstring_is_read(name: str) -> None:
    module = import_module(load(Source, name).__module__)
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
