"""A mix is exact, the same every time, and independent of the order of its sources."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import xxhash
from tests.data.conftest import Make

from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.data.mix import Config, mix
from zhiyin.data.roster import key_of
from zhiyin.data.sets import RecordSet
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Document, Message


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


def test_an_id_that_is_taken_even_so_is_refused(tmp_path: Path, runtime: Runtime) -> None:
    ids = {"a": ("0",), "b": ("0", "a/0")}
    sources: dict[str, RecordSet] = {
        name: TextSet.write(tmp_path / name, [Document(id, "文", "s") for id in own]) for name, own in ids.items()
    }
    with pytest.raises(ValueError, match="the id a/0 stands for two records even with its source's name in front"):
        mix(Config(), out=tmp_path / "out", runtime=runtime, sources=sources)


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
    with pytest.raises(ValueError, match="`sources` names no step, so there is nothing to mix"):
        Config().produces({})
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


def with_kinds(folder: Path, name: str, kinds: dict[str, int], filler: str = "") -> RecordSet:
    """Return a set with so many records of each kind, one kind after the other."""
    records = [
        Conversation(f"{name}:{kind}:{n}", (Message("user", f"{n}"), Message("assistant", filler + "答")), name, kind)
        for kind, count in kinds.items()
        for n in range(count)
    ]
    return ConversationSet.write(folder / name, records)


def kinds_of(made: RecordSet) -> dict[str, int]:
    assert isinstance(made, ConversationSet)
    return dict(Counter(record.kind for record in made))


def scrambled(seed: int, purpose: str, key: int) -> int:
    """Rank one key in plain numbers."""
    mixed = key + int.from_bytes(xxhash.xxh3_64_digest(f"{seed}:{purpose}".encode()), "big") & 2**64 - 1
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & 2**64 - 1
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & 2**64 - 1
    return mixed ^ mixed >> 31


def plainly(config: Config, sources: dict[str, RecordSet]) -> list[str]:
    """Return the ids of the mix by ratios, the slow and obvious way."""
    placed = []
    for name, source in sources.items():
        ids = [record.id for record in source]
        whole = sum(map(key_of, ids)) % 2**64
        assert config.total is not None
        ids.sort(key=lambda id: scrambled(config.seed, f"mix/{name}/{whole}", key_of(id)))
        drawn = ids[: round(config.ratios[name] * config.total)]
        placed += [(scrambled(config.seed, f"order/{name}/{whole}", key_of(id)), id) for id in drawn]
    return [id for _, id in sorted(placed)]


def test_it_draws_what_plain_sorting_draws(tmp_path: Path, runtime: Runtime) -> None:
    sources = {name: with_kinds(tmp_path, name, {"a": 70, "b": 31}) for name in ("甲", "乙")}
    drawn = Config(ratios={"甲": 0.7, "乙": 0.3}, total=50, seed=3)
    made = mix(drawn, out=tmp_path / "out", runtime=runtime, sources=sources)
    assert [record.id for record in made] == plainly(drawn, sources)
    assert made.summary["kinds"] == kinds_of(made)
    assert made.summary["sources"] == {"甲": 35, "乙": 15}
    assert made.summary["rejected"] == {} == {row.reason: row for row in made.rejected}


def test_lines_are_copied_as_they_are(tmp_path: Path, runtime: Runtime) -> None:
    lines = [f'{{"kind": "诗", "id":"{n}" ,"source":"s","text":"\\u77e5音"}}' for n in range(9)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "records.jsonl").write_text("\n".join(lines), encoding="utf-8")
    made = mix(Config(total=9), out=tmp_path / "out", runtime=runtime, sources={"x": TextSet(tmp_path / "in")})
    copied = (tmp_path / "out" / "records.jsonl").read_bytes().decode().split("\n")
    assert sorted(copied) == ["", *lines]
    assert copied[:-1] != lines
    assert made.summary["kinds"] == {"诗": 9}


def test_workers_change_nothing(tmp_path: Path, runtime: Runtime) -> None:
    sources = {"x": with_kinds(tmp_path, "x", {"a": 3000, "b": 1000}, "长" * 500)}
    assert (sources["x"].path / "records.jsonl").stat().st_size > 4_000_000
    two = runtime.model_copy(update={"workers": 2})
    drawn = Config(ratios={"x": 1.0}, total=2500)
    one = mix(drawn, out=tmp_path / "1", runtime=runtime, sources=sources)
    assert mix(drawn, out=tmp_path / "2", runtime=two, sources=sources).summary == one.summary
    assert (tmp_path / "1" / "records.jsonl").read_bytes() == (tmp_path / "2" / "records.jsonl").read_bytes()


def test_a_quota_is_met_by_kind_whatever_the_source(tmp_path: Path, runtime: Runtime) -> None:
    sources = {
        "一": with_kinds(tmp_path, "一", {"translation": 300, "story": 50}),
        "二": with_kinds(tmp_path, "二", {"translation": 100, "dialogue": 40}),
    }
    exact = Config(quota={"translation": 123, "story": 45, "dialogue": 0})
    made = mix(exact, out=tmp_path / "out", runtime=runtime, sources=sources)
    assert kinds_of(made) == {"translation": 123, "story": 45}
    assert made.summary["wanted"] == {"translation": 123, "story": 45, "dialogue": 0}
    table = made.summary["distribution"]
    assert list(table) == ["一: story", "一: translation", "二: dialogue", "二: translation"]
    assert table["一: story"] == {"wanted": 45.0, "taken": 45, "available": 50, "share": round(45 / 168, 6)}
    assert table["二: dialogue"] == {"wanted": 0.0, "taken": 0, "available": 40, "share": 0.0}
    # A quarter of the translations are of the second source, so about a quarter of those drawn.
    assert table["二: translation"]["wanted"] == 30.8
    assert 18 <= table["二: translation"]["taken"] <= 44
    more = Config(quota={"story": 51})
    with pytest.raises(
        ValueError, match=r"kind 'story' has 50 records, 51 are wanted; the sources hold 'dialogue', 's"
    ):
        mix(more, out=tmp_path / "more", runtime=runtime, sources=sources)
    whole = mix(more.model_copy(update={"short": "take_all"}), out=tmp_path / "all", runtime=runtime, sources=sources)
    assert kinds_of(whole) == {"story": 50}


def test_caps_alone_leave_what_is_below_them(tmp_path: Path, runtime: Runtime) -> None:
    sources = {name: with_kinds(tmp_path, name, {name: size}) for name, size in {"a": 500, "b": 90, "c": 60}.items()}
    pooled = mix(Config(caps={"a": 100, "b": 100}), out=tmp_path / "1", runtime=runtime, sources=sources)
    assert kinds_of(pooled) == {"a": 100, "b": 90, "c": 60}
    assert pooled.summary["wanted"] == {"all": 250}
    assert pooled.summary["available"] == {"a": 500, "b": 90, "c": 60}
    capped = Config(caps={"a": 40}, ratios={"a": 0.5, "b": 0.25, "c": 0.25}, total=100)
    with pytest.raises(ValueError, match=r"'a' has 40 records, 50 are wanted .*raise the caps \(a 40\), or set"):
        mix(capped, out=tmp_path / "2", runtime=runtime, sources=sources)
    some = mix(Config(caps={"a": 100}, total=125), out=tmp_path / "3", runtime=runtime, sources=sources)
    # Half of the 250 that the cap leaves: what is drawn knows nothing of how the cap chose.
    assert 35 <= kinds_of(some)["a"] <= 65
    assert {record.id for record in some if record.kind == "a"} < {record.id for record in pooled if record.kind == "a"}


def test_a_mix_of_nothing_is_an_error(tmp_path: Path, runtime: Runtime, sources: dict[str, RecordSet]) -> None:
    for config in (Config(quota={"nowhere": 5}, short="take_all"), Config(caps=dict.fromkeys(sources, 0))):
        with pytest.raises(ValueError, match="the mix would hold no record"):
            mix(config, out=tmp_path / "out", runtime=runtime, sources=sources)


def test_a_mix_of_mixes_prefers_nobody(tmp_path: Path, runtime: Runtime) -> None:
    """The same seed, names and config all the way: whoever was drawn once has no better chance the next time."""
    old, new = (with_kinds(tmp_path, name, {name: 20_000}) for name in ("old", "new"))
    half = Config(ratios={"old": 0.5, "new": 0.5}, total=2000)
    first = mix(half, out=tmp_path / "1", runtime=runtime, sources={"old": old, "new": new})
    again = mix(half, out=tmp_path / "2", runtime=runtime, sources={"old": first, "new": new})
    assert 440 <= sum(record.source == "old" for record in again if isinstance(record, Conversation)) <= 560
    pooled = mix(Config(total=1100), out=tmp_path / "3", runtime=runtime, sources={"old": first, "new": old})
    assert 65 <= pooled.summary["taken"]["old"] <= 135


def test_two_rules_at_once_are_refused() -> None:
    for fields, said in (
        ({"ratios": {"a": 1.0}}, "`ratios` need a `total`"),
        ({"ratios": {"a": 1.0}, "quota": {"k": 1}, "total": 1}, "either `ratios` or a `quota`"),
        ({"quota": {"k": 3}, "total": 4}, "the quota adds to 3"),
        ({"caps": {"a": -1}}, "'a': a number of records is not negative"),
    ):
        with pytest.raises(ValueError, match=said):
            Config.model_validate(fields)
    with pytest.raises(ValueError, match=r"caps are given for \['z'\]"):
        Config(caps={"z": 1}).produces({"sources.a": TextSet})
