"""Files are fetched from a hub at a pinned commit: Hugging Face's, a mirror of it, ModelScope's."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from zhiyin.data.repositories import ModelScopeFiles
from zhiyin.data.sources.alpaca_json import AlpacaJson

ROW = {"instruction": "问", "input": "", "output": "答"}
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("revision", ["main", "0123456", "", REVISION.upper()])
def test_a_hub_revision_must_be_a_commit(revision: str) -> None:
    with pytest.raises(ValueError, match="revision"):
        AlpacaJson.model_validate({"hub": {"repo": "a/b", "revision": revision, "files": ["*.json"]}})


FILES = {
    "data/a.json": json.dumps([ROW, {**ROW, "output": ""}]).encode(),
    "data/b.json": json.dumps([ROW]).encode(),
    "other.json": b"not asked for",
}


class Hub(BaseHTTPRequestHandler):
    """What a snapshot asks of either hub, for one repository held in memory."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        self.asked.append(self.path)
        path, _, query = self.path.partition("?")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        scope = "/api/v1/datasets/owner/set/repo"
        name = path.removeprefix(f"/datasets/owner/set/resolve/{REVISION}/")
        if path == f"/api/datasets/owner/set/revision/{REVISION}":
            siblings = [{"rfilename": name} for name in FILES]
            self.send({"id": "owner/set", "sha": REVISION, "siblings": siblings, "tags": [], "downloads": 0})
        elif path.startswith(f"/api/datasets/owner/set/tree/{REVISION}"):
            self.send([{"type": "file", "oid": "0" * 40, "size": len(b), "path": n} for n, b in FILES.items()])
        elif path == f"{scope}/tree" and asked["Revision"] == REVISION:
            root = asked.get("Root", "")
            listed = [self.listed(n, b) for n, b in FILES.items() if n.startswith(root)]
            self.send({"Code": 200, "Success": True, "Data": {"Files": listed}})
        elif path == scope and asked["Revision"] == REVISION and asked["FilePath"] in FILES:
            self.send(FILES[asked["FilePath"]], with_body)
        elif name in FILES:
            self.send(FILES[name], with_body)
        else:
            self.send_error(404)

    def listed(self, name: str, body: bytes) -> dict[str, Any]:
        return {"Path": name, "Type": "blob", "Size": len(body), "Sha256": hashlib.sha256(body).hexdigest()}

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
place = {sys.argv[4]: {"repo": "owner/set", "revision": sys.argv[1], "files": [sys.argv[2]]}}
made = collect(Config(source={"name": "alpaca_json", **place}), out=Path(sys.argv[3]), runtime=Runtime())
print([record.id for record in made], [row.where for row in made.rejected])
"""


@pytest.mark.parametrize(
    ("where", "shown"), [("hub", "owner/set@0123456"), ("modelscope", "modelscope:owner/set@0123456")]
)
def test_a_repository_is_read_at_its_commit(
    tmp_path: Path, hub: tuple[str, list[str]], child_environment: dict[str, str], where: str, shown: str
) -> None:
    """`HF_ENDPOINT` names a mirror of the one, `MODELSCOPE_ENDPOINT` one of the other; nothing else is asked."""
    endpoint, asked = hub
    environment = {
        **child_environment,
        "NO_PROXY": "127.0.0.1",
        "HF_ENDPOINT": endpoint,
        "MODELSCOPE_ENDPOINT": endpoint,
    }
    environment |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "cache")}
    environment |= {"MODELSCOPE_CACHE": str(tmp_path / "cache"), "MODELSCOPE_HOME": str(tmp_path / "home")}

    def program(pattern: str, revision: str = REVISION) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, revision, pattern, str(tmp_path / "out"), where]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = program("data/*.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == (
        f"['alpaca_json/data/a.json:1', 'alpaca_json/data/b.json:1'] ['{shown}/data/a.json:2']"
    )
    assert asked
    assert not any("other.json" in path for path in asked)
    assert f"ValueError: no file of {shown} fits *.csv" in program("*.csv").stderr
    unknown = shown.replace("0123456", "fffffff")
    assert f"ValueError: {unknown} cannot be fetched from {endpoint}" in program("*.json", "f" * 40).stderr


def test_without_its_library_modelscope_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "modelscope_hub", None)
    monkeypatch.setenv("MODELSCOPE_DOWNLOAD_INTRA_CLOUD", "false")
    with pytest.raises(ValueError, match=r"^modelscope:a/b@0123456: .*pip install 'zhiyin\[modelscope\]' brings it$"):
        ModelScopeFiles(repo="a/b", revision=REVISION, files=("*",)).fetch()


def test_zeros_hold_the_place_of_a_commit() -> None:
    source = AlpacaJson.model_validate({"hub": {"repo": "a/b", "revision": "0" * 40, "files": ["*.json"]}})
    with pytest.raises(ValueError, match=r"a/b: no commit was chosen.*`git ls-remote .*/datasets/a/b HEAD`"):
        source.located()
