"""Files are found, named without regard to where they lie, and fetched from a hub at a pinned commit."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from zhiyin.data.rows import Row
from zhiyin.data.sources.alpaca_json import AlpacaJson
from zhiyin.data.sources.text import Text
from zhiyin.records.jsonl import Rejected

ROW = {"instruction": "问", "input": "", "output": "答"}
REVISION = "0123456789abcdef0123456789abcdef01234567"


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
    with pytest.raises(ValueError, match=r"none of its 3 files fits \*\.csv"):
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


@pytest.mark.parametrize("fields", [{}, {"files": ["."], "hub": {"repo": "a/b", "revision": REVISION, "files": ["*"]}}])
def test_rows_come_from_one_place(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either `files` or `hub`"):
        AlpacaJson.model_validate(fields)


@pytest.mark.parametrize("revision", ["main", "0123456", "", REVISION.upper()])
def test_a_hub_revision_must_be_a_commit(revision: str) -> None:
    with pytest.raises(ValueError, match="revision"):
        AlpacaJson.model_validate({"hub": {"repo": "a/b", "revision": revision, "files": ["*.json"]}})


class Hub(BaseHTTPRequestHandler):
    """The three endpoints of a hub that a snapshot needs, for one repository held in memory."""

    files: dict[str, bytes]
    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        name = path.removeprefix(f"/datasets/owner/set/resolve/{REVISION}/")
        if path == f"/api/datasets/owner/set/revision/{REVISION}":
            siblings = [{"rfilename": name} for name in self.files]
            self.send({"id": "owner/set", "sha": REVISION, "siblings": siblings, "tags": [], "downloads": 0})
        elif path.startswith(f"/api/datasets/owner/set/tree/{REVISION}"):
            self.send([{"type": "file", "oid": "0" * 40, "size": len(b), "path": n} for n, b in self.files.items()])
        elif name in self.files:
            self.send(self.files[name], with_body)
        else:
            self.send_error(404)

    def send(self, value: object, with_body: bool = True) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{len(body):040x}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """Serve a repository on this machine; return the endpoint, and the list that fills with the paths asked for."""

    class Served(Hub):
        files = {  # noqa: RUF012
            "data/a.json": json.dumps([ROW, {**ROW, "output": ""}]).encode(),
            "data/b.json": json.dumps([ROW]).encode(),
            "other.json": b"not asked for",
        }
        asked: list[str] = []  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Served.asked
    server.shutdown()
    server.server_close()
    thread.join()


PROGRAM = """
import sys
from pathlib import Path
from zhiyin.data.collect import Config, collect
from zhiyin.execution.runtime import Runtime
hub = {"repo": "owner/set", "revision": sys.argv[1], "files": [sys.argv[2]]}
made = collect(Config(source={"name": "alpaca_json", "hub": hub}), out=Path(sys.argv[3]), runtime=Runtime())
print([record.id for record in made], [row.where for row in made.rejected])
"""


def test_a_hub_repository_is_read_at_its_commit(
    tmp_path: Path, hub: tuple[str, list[str]], child_environment: dict[str, str]
) -> None:
    endpoint, asked = hub
    environment = {**child_environment, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache")}
    environment |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}

    def program(pattern: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, REVISION, pattern, str(tmp_path / "out")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = program("data/*.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == (
        "['alpaca_json/data/a.json:1', 'alpaca_json/data/b.json:1'] ['owner/set@0123456/data/a.json:2']"
    )
    assert not any("other.json" in path for path in asked)
    none = program("*.csv")
    assert "ValueError: no file of owner/set@0123456 fits *.csv" in none.stderr
