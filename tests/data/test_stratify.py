"""Parts are disjoint, complete, and alike in their kinds."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from zhiyin.artifacts import TextSet
from zhiyin.data.sets import RecordSet
from zhiyin.data.stratify import Config, stratify
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Document

SIZES = {"Couplet": 23, "NLI": 5, "Cot": 1}
KINDS = [kind for kind, size in SIZES.items() for _ in range(size)]


@pytest.fixture
def records(tmp_path: Path) -> TextSet:
    """Return documents whose kinds are spread over the file."""
    order = sorted(range(len(KINDS)), key=lambda n: n * 17 % len(KINDS))
    return TextSet.write(tmp_path / "in", [Document(f"{n}", "文", "s", KINDS[n]) for n in order])


def parts(path: Path, runtime: Runtime, records: RecordSet, **fields: Any) -> list[list[Document]]:
    found = []
    for part in range(5):
        config = Config.model_validate({"parts": 5, "part": part, **fields})
        made = stratify(config, out=path / f"{len(list(path.iterdir()))}", runtime=runtime, records=records)
        assert isinstance(made, TextSet)
        assert made.summary["of"] == {record.kind: SIZES[record.kind] for record in records}
        found.append(list(made))
    return found


def test_at_random_each_part_has_its_share_of_every_kind(tmp_path: Path, runtime: Runtime, records: TextSet) -> None:
    found = parts(tmp_path, runtime, records)
    whole = list(records)
    assert sorted((one for part in found for one in part), key=whole.index) == whole
    for part in found:
        kinds = Counter(record.kind for record in part)
        assert all(abs(kinds[kind] - size / 5) < 1 for kind, size in SIZES.items())
        assert part == sorted(part, key=whole.index)
    assert parts(tmp_path, runtime, records, seed=1) != found
    backwards = TextSet.write(tmp_path / "backwards", reversed(whole))
    again = parts(tmp_path, runtime, backwards)
    assert [{one.id for one in part} for part in again] == [{one.id for one in part} for part in found]


def test_in_file_order_kinds_are_cut_as_firefly_was(tmp_path: Path, runtime: Runtime, records: TextSet) -> None:
    """Chunks of n // 5, and one more where n does not divide by 5; the last chunk has what is left."""
    found = parts(tmp_path, runtime, records, order="file")
    for kind, size in SIZES.items():
        ids = [record.id for record in records if record.kind == kind]
        chunk = size // 5 + (1 if size % 5 else 0)
        cut = [ids[start : start + chunk] for start in range(0, 5 * chunk, chunk)]
        assert [[record.id for record in part if record.kind == kind] for part in found] == cut
    assert sum(map(len, found)) == len(KINDS)


def test_what_cannot_be_cut_is_refused(tmp_path: Path, runtime: Runtime) -> None:
    with pytest.raises(ValueError, match="there are 5 parts, numbered from 0, so there is no part 5"):
        Config(parts=5, part=5)
    few = TextSet.write(tmp_path / "few", [Document(f"{n}", "文", "s") for n in range(3)])
    with pytest.raises(ValueError, match="too small for 5 parts; part 4 is empty"):
        stratify(Config(parts=5, part=4, order="file"), out=tmp_path / "out", runtime=runtime, records=few)
