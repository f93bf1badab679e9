"""A cluster gives what one process gives: the same results in the same order, and the same exceptions."""

import json
import pickle
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.data.cluster import SIZE, lengths, said, single
from tests.house.tree import ROOT

from zhiyin.artifacts import RECORDS, REJECTED, ConversationSet
from zhiyin.data import distributed
from zhiyin.data.distributed import SILENT
from zhiyin.data.shards import Shard, cut, mapped
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Message

WORDS = "春眠不觉晓处闻啼鸟夜来风雨声花落知多少白日依山尽黄河入海流欲穷千里目更上一层楼"
CODE = "from tests.data.cluster import main; main()"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f'{{"id": "{n}", "text": "{"字" * (n % 90)}"}}\n' for n in range(1500)), encoding="utf-8")
    return file


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A set of three pieces, in which one record of ten stands twice and one of ten has one character more."""
    draw, texts = random.Random(0), list[str]()
    for number in range(18_000):
        text = "".join(draw.choices(WORDS, k=180))
        texts.append(draw.choice(texts) + "的" * (number % 20 == 10) if number % 10 == 0 and texts else text)
    turns = ((Message("user", text[:40]), Message("assistant", text[40:])) for text in texts)
    ConversationSet.write(tmp_path / "set", (Conversation(str(n), pair, "s") for n, pair in enumerate(turns)))
    return tmp_path / "set"


def answers(calls: list[bytes], cores: int) -> Iterator[tuple[int, bytes]]:
    """Stand in for a cluster, whose answers come in an order of their own."""
    for number in reversed(range(len(calls))):
        yield number, distributed._answer(None, Column([calls[number]]))[0]


class Column:
    """A column of a table, as Daft hands it to a worker."""

    def __init__(self, calls: list[bytes]) -> None:
        self.calls = calls

    def to_pylist(self) -> list[bytes]:
        return self.calls


def test_results_come_in_the_order_of_the_pieces(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "_connect", lambda address: 2)
    monkeypatch.setattr(distributed, "_outcomes", answers)
    pieces = cut(rows, SIZE)
    assert len(pieces) > 5
    assert list(mapped(lengths, pieces, Runtime(cluster="auto"))) == list(map(lengths, pieces))
    assert list(mapped(lengths, [], Runtime(cluster="auto"))) == []


def test_a_piece_without_an_answer_is_an_error(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "_connect", lambda address: 2)
    monkeypatch.setattr(distributed, "_outcomes", lambda calls, cores: answers(calls[:-1], cores))
    pieces = cut(rows, SIZE)
    with pytest.raises(RuntimeError, match=f"answered for {len(pieces) - 1} of {len(pieces)} pieces"):
        list(mapped(lengths, pieces, Runtime(cluster="here:1")))


@pytest.mark.parametrize("package", ["daft", "ray"])
def test_a_missing_package_is_named_with_the_remedy(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SILENT:
        monkeypatch.setenv(name, "set back afterwards")
    monkeypatch.setitem(sys.modules, "daft", None)
    monkeypatch.setitem(sys.modules, "ray", None)
    if package == "ray":
        monkeypatch.setitem(sys.modules, "daft", pickle)
    with pytest.raises(ModuleNotFoundError, match=rf"{package} is not installed: pip install 'zhiyin\[distributed\]'"):
        list(mapped(lengths, [Shard(Path("x"), 0, 1)], Runtime(cluster="auto")))


def test_a_cluster_that_is_not_there_is_named_at_once(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SILENT:
        monkeypatch.setenv(name, "set back afterwards")
    for name in ("daft", "ray"):
        monkeypatch.setitem(sys.modules, name, pickle)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RuntimeError, match=f"no Ray cluster answers at {address}: .*`ray start --head`"):
            list(mapped(lengths, cut(rows, SIZE), Runtime(cluster=address)))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("daft") is None, reason="needs the extra `distributed`; make test-slow brings it")
def test_two_nodes_give_what_one_process_gives(rows: Path, records: Path, child_environment: dict[str, str]) -> None:
    assert len(cut(records / RECORDS)) == 3
    command = [sys.executable, "-c", CODE, str(rows), str(records), str(rows) + ".answers"]
    done = subprocess.run(command, cwd=ROOT, env=child_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, places, failed, odd, files = json.loads(Path(command[-1]).read_text(encoding="utf-8"))
    pieces = cut(rows, SIZE)
    for workers in (1, 2):
        assert [tuple(one) for one in found] == list(mapped(lengths, pieces, Runtime(workers=workers)))
        assert files == single(records, Runtime(workers=workers))
    assert set(files) >= {RECORDS, REJECTED}
    assert len(set(places)) == 2, "each node has a core, and both worked"
    assert failed == ["ValueError", f"bad piece at {pieces[1].start}"]
    assert odd == ["RuntimeError", "Unportable: odd words"]


def test_the_questions_asked_of_the_cluster_can_be_asked_here(rows: Path) -> None:
    from tests.data.cluster import refuse

    assert said(refuse, cut(rows, SIZE), Runtime())[1].startswith("bad piece at ")
