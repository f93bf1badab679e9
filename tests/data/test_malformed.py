"""Two hundred malformed files: every row is a record or set aside with a reason, or the file is named; none is lost."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.data.malformed import BOM, FAULTS, SOUND, Fault, Sound, json_rows

from zhiyin.artifacts import ConversationSet
from zhiyin.data import lines
from zhiyin.data.collect import Config, collect
from zhiyin.data.sources import Source
from zhiyin.execution.catalog import make
from zhiyin.execution.runtime import Runtime
from zhiyin.records.jsonl import Rejected

LINED = ("belle", "chatmed_consult", "firefly", "mathglm_arithmetic", "couplets")
CASES = [(sound, fault) for sound in SOUND for fault in FAULTS]


@dataclass(frozen=True)
class Outcome:
    """What became of a broken file."""

    records: list[str]
    """Places, as `file:line`."""
    rejected: list[Rejected]
    error: str
    """Why it was refused as a whole; empty when it was read."""


def broken(sound: Sound, fault: Fault, folder: Path) -> tuple[Path, bytes]:
    """Write the files, the first of them with the fault; returns that one."""
    folder.mkdir()
    for name, text in sound.files.items():
        (folder / name).write_bytes(text.replace("}, {", "},\n{").encode())
    path = folder / next(iter(sound.files))
    content = path.read_bytes()
    chance = random.Random(f"{sound.source} {path.name} {fault.__name__}")
    changed = next(changed for _ in range(20) if (changed := fault(content, chance)) != content)
    path.write_bytes(changed)
    return path, changed


def outcome(sound: Sound, folder: Path, out: Path) -> Outcome:
    """Collect the files of a folder."""
    source = make(Source, {"name": sound.source, "files": [folder]})
    error = ""
    try:
        collect(Config(source=source, max_rejected=1), out=out, runtime=Runtime())
    except ValueError as raised:
        error = str(raised)
        if "0 records kept" in error:
            # All rows were set aside; they lie there as well.
            error = ""
    made = ConversationSet(out)
    if error:
        return Outcome([], [], error)
    return Outcome([place(record.id, sound) for record in made], list(made.rejected), "")


def place(key: str, sound: Sound) -> str:
    """Return the file and line of a record's id: a pair of news has two records, `:1/zh-en` and `:1/en-zh`."""
    file, _, number = key.removeprefix(f"{sound.source}/").rpartition(":")
    return f"{file}:{number.partition('/')[0]}"


@pytest.mark.parametrize(("sound", "fault"), CASES, ids=lambda one: getattr(one, "source", None) or one.__name__)
def test_nothing_is_lost(tmp_path: Path, sound: Sound, fault: Fault) -> None:
    path, content = broken(sound, fault, tmp_path / "in")
    found = outcome(sound, tmp_path / "in", tmp_path / "out")
    if found.error:
        assert str(path) in found.error
        return
    assert all(row.reason and row.where for row in found.rejected)
    ours = {each for each in found.records if each.startswith(f"{path.name}:")}
    theirs = Counter(Path(row.where).name for row in found.rejected if row.where.startswith(f"{path}:"))
    assert not ours & set(theirs), "a row is a record and set aside as well"
    assert max(theirs.values(), default=1) <= (2 if sound.source == "news_commentary" else 1)
    if any(row.reason.startswith("a JSON object over several lines") for row in found.rejected):
        assert len(found.rejected) == 1
        return
    assert len(ours | set(theirs)) == (sound.count(content) or 1), (sorted(ours), found.rejected)
    if sound.count is json_rows and not content.removeprefix(BOM).lstrip().startswith(b"["):
        check_texts(content, path, found)


@pytest.mark.parametrize("sound", [sound for sound in SOUND if sound.source in LINED], ids=lambda sound: sound.source)
def test_a_line_that_is_too_long_is_set_aside(tmp_path: Path, sound: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 600)
    path, content = broken(sound, longer, tmp_path / "in")
    found = outcome(sound, tmp_path / "in", tmp_path / "out")
    (rejected,) = found.rejected
    assert rejected.reason.startswith("a row of more than")
    assert rejected.where == f"{path}:2"
    assert len(set(found.records)) == sound.count(content) - 1


def longer(content: bytes, chance: random.Random) -> bytes:
    found = content.split(b"\n")
    return b"\n".join([found[0], found[1] * 600, *found[2:]])


def check_texts(content: bytes, path: Path, found: Outcome) -> None:
    """Assert that what was set aside is kept whole: the line as it was, or the row it was read as."""
    written = content.split(b"\n")
    for row in found.rejected:
        if row.reason == "a file without rows":
            continue
        line = written[int(row.where.rpartition(":")[2]) - 1].removeprefix(BOM).rstrip(b"\r")
        if row.row != line.decode("utf-8", "backslashreplace"):
            assert json.loads(row.row) == json.loads(line)


def every(folder: Path) -> Iterator[Outcome]:
    for number, (sound, fault) in enumerate(CASES):
        broken(sound, fault, folder / f"{number}")
        yield outcome(sound, folder / f"{number}", folder / f"{number}.out")


def test_these_are_two_hundred_files_and_their_faults_are_found(tmp_path: Path) -> None:
    assert len(CASES) >= 200
    assert len({sound.source for sound in SOUND}) >= 15
    kinds = Counter(
        "refused" if found.error else "rejected" if found.rejected else "read whole" for found in every(tmp_path)
    )
    assert kinds["refused"] >= 40
    assert kinds["rejected"] >= 100
    assert kinds["read whole"] <= 80
