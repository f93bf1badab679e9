"""A mix is exact, the same every time, and independent of the order of its sources."""

from pathlib import Path
from typing import Any

import pytest
from tests.data.conftest import Make

from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.data.mix import Config, mix
from zhiyin.data.sets import RecordSet
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Document


@pytest.fixture
def sources(make_conversations: Make) -> dict[str, RecordSet]:
    return {name: make_conversations([(f"{name}{n}", "答") for n in range(50)]) for name in ("甲", "乙", "丙")}


def asked(made: RecordSet) -> list[str]:
    assert isinstance(made, ConversationSet)
    return [record.messages[0].content for record in made]


def config(**fields: Any) -> Config:
    return Config.model_validate({"ratios": {"甲": 0.5, "乙": 0.3, "丙": 0.2}, "total": 47, **fields})


def test_counts_are_exact_and_stated(tmp_path: Path, runtime: Runtime, sources: dict[str, RecordSet]) -> None:
    made = mix(config(), out=tmp_path / "out", runtime=runtime, sources=sources)
    counts = {name: sum(text.startswith(name) for text in asked(made)) for name in sources}
    assert counts == {"甲": 24, "乙": 14, "丙": 9}
    assert made.summary["wanted"] == made.summary["taken"] == counts
    assert made.summary["available"] == {"甲": 50, "乙": 50, "丙": 50}
    assert len(set(asked(made))) == 47


def test_the_order_of_the_mapping_does_not_matter(
    tmp_path: Path, runtime: Runtime, sources: dict[str, RecordSet]
) -> None:
    turned = dict(reversed(sources.items()))
    one = mix(config(), out=tmp_path / "1", runtime=runtime, sources=sources)
    two = mix(config(ratios={"丙": 0.2, "乙": 0.3, "甲": 0.5}), out=tmp_path / "2", runtime=runtime, sources=turned)
    assert (tmp_path / "1" / "records.jsonl").read_bytes() == (tmp_path / "2" / "records.jsonl").read_bytes()
    assert one.summary == two.summary


def test_the_order_of_rows_does_not_matter_either(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    source = make_conversations([(str(n), "答") for n in range(50)])
    whole = Config(ratios={"x": 1.0}, total=20)
    one = asked(mix(whole, out=tmp_path / "1", runtime=runtime, sources={"x": source}))
    lines = (source.path / "records.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (source.path / "records.jsonl").write_text("".join(reversed(lines)), encoding="utf-8")
    assert asked(mix(whole, out=tmp_path / "2", runtime=runtime, sources={"x": source})) == one


def test_a_seed_draws_and_orders(tmp_path: Path, runtime: Runtime, sources: dict[str, RecordSet]) -> None:
    one, two = (
        asked(mix(config(seed=seed), out=tmp_path / str(seed), runtime=runtime, sources=sources)) for seed in (0, 1)
    )
    assert set(one) != set(two)
    assert [text[0] for text in one] != sorted(text[0] for text in one)
    larger = mix(config(total=94), out=tmp_path / "larger", runtime=runtime, sources=sources)
    assert set(one) < set(asked(larger))


def test_ids_that_clash_get_the_name_of_their_source(
    tmp_path: Path, runtime: Runtime, sources: dict[str, RecordSet]
) -> None:
    every = config(total=150, ratios={"甲": 1 / 3, "乙": 1 / 3, "丙": 1 / 3})
    ids = [record.id for record in mix(every, out=tmp_path / "out", runtime=runtime, sources=sources)]
    assert set(ids) == {f"{name}/{n}" for name in sources for n in range(50)}
    alone = mix(Config(ratios={"甲": 1}, total=5), out=tmp_path / "1", runtime=runtime, sources={"甲": sources["甲"]})
    assert not any("/" in record.id for record in alone)


def test_a_short_source_is_an_error_or_taken_whole(
    tmp_path: Path, runtime: Runtime, sources: dict[str, RecordSet]
) -> None:
    with pytest.raises(ValueError, match=r"source '甲' has 50 records, 60 are wanted \(0\.5 of 120\)"):
        mix(config(total=120), out=tmp_path / "1", runtime=runtime, sources=sources)
    made = mix(config(total=120, short="take_all"), out=tmp_path / "2", runtime=runtime, sources=sources)
    assert made.summary["wanted"] == {"甲": 60, "乙": 36, "丙": 24}
    assert made.summary["taken"] == {"甲": 50, "乙": 36, "丙": 24}
    assert made.summary["records"] == 110


def test_a_source_with_a_share_of_nothing_is_counted(
    tmp_path: Path, runtime: Runtime, sources: dict[str, RecordSet]
) -> None:
    made = mix(
        config(ratios={"甲": 1.0, "乙": 0.0, "丙": 0.0}, total=9), out=tmp_path, runtime=runtime, sources=sources
    )
    assert made.summary["available"] == {"甲": 50, "乙": 50, "丙": 50}
    assert made.summary["taken"] == {"甲": 9, "乙": 0, "丙": 0}


def test_what_does_not_fit_is_refused(tmp_path: Path, runtime: Runtime, sources: dict[str, RecordSet]) -> None:
    with pytest.raises(ValueError, match=r"ratios are given for .*but the sources are \['甲'\]"):
        config().produces({"sources.甲": ConversationSet})
    kinds: dict[str, type[Artifact]] = {
        "sources.甲": ConversationSet,
        "sources.乙": TextSet,
        "sources.丙": ConversationSet,
    }
    with pytest.raises(ValueError, match="of one kind, but 丙 is a ConversationSet, 乙 is a TextSet"):
        config().produces(kinds)
    assert config().produces(dict.fromkeys(kinds, TextSet)) is TextSet
    with pytest.raises(ValueError, match="add to 1"):
        config(ratios={"甲": 0.5, "乙": 0.3})
    TextSet.write(tmp_path / "text", [Document("1", "文", "s"), Document("1", "字", "s")])
    twice = Config(ratios={"x": 1.0}, total=1)
    with pytest.raises(ValueError, match="holds the id 1 twice"):
        mix(twice, out=tmp_path / "3", runtime=runtime, sources={"x": TextSet(tmp_path / "text")})
