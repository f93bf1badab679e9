"""A model from elsewhere becomes an artifact without a copy of its weights, from a folder or from a hub."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.house import House, build

from zhiyin.artifacts import Checkpoint
from zhiyin.chat.template import load
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.execution.store import Damaged, Store
from zhiyin.recipe.wiring import load_recipe
from zhiyin.weights.fetch import Config, fetch
from zhiyin.weights.foreseen import Foreseen
from zhiyin.weights.load import load_model
from zhiyin.weights.recognition import recognised

OWN = ("manifest.json", "template.json")
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a store with base models and records."""
    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("store"))


@pytest.fixture
def elsewhere(house: House, tmp_path: Path) -> Path:
    """Return a small Gemma-2 as it lies on somebody's disk: with nothing of ours."""
    folder = tmp_path / "my-gemma"
    shutil.copytree(house.make(house.gemma).path, folder, ignore=shutil.ignore_patterns(*OWN))
    (folder / "optimizer.pt").write_bytes(b"not asked for")
    return folder


def fetched(**config: Any) -> Step[Checkpoint]:
    return step(fetch, Config.model_validate(config))


def made(target: Step[Checkpoint], store: Path) -> Checkpoint:
    run([target], Runtime(store=store))
    return Store(store).open(target)


def logits(checkpoint: Checkpoint) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = load_model(checkpoint, device="cpu")(input_ids=torch.arange(6, 46)[None]).logits
    return found


def test_a_folder_is_linked_and_hashed_and_answers_as_before(house: House, elsewhere: Path, tmp_path: Path) -> None:
    found = made(fetched(folder=elsewhere), tmp_path / "store")
    own = house.make(house.gemma)
    assert torch.equal(logits(found), logits(own))
    weights = found.path / "model.safetensors"
    assert weights.is_symlink()
    assert weights.resolve() == (elsewhere / "model.safetensors").resolve()
    assert [file.name for file in found.path.iterdir() if file.is_symlink()] == ["model.safetensors"]
    assert not (found.path / "optimizer.pt").exists()
    recorded = found.manifest.files["model.safetensors"]
    assert recorded.sha256 == own.manifest.files["model.safetensors"].sha256
    assert load(found.path) == load(own.path)
    assert found.summary["template"] == "gemma2"
    assert found.summary["architecture"] == "gemma2"


def test_what_happens_to_the_weights_is_noticed(elsewhere: Path, tmp_path: Path) -> None:
    target = fetched(folder=elsewhere)
    made(target, tmp_path / "store")
    file = elsewhere / "model.safetensors"
    kept = file.read_bytes()
    file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(Damaged, match=r"model\.safetensors has other bytes than were committed"):
        Store(tmp_path / "store").open(target)
    assert fetched(folder=elsewhere).fingerprint != target.fingerprint
    file.unlink()
    with pytest.raises(Damaged, match=r"model\.safetensors is missing"):
        Store(tmp_path / "store").open(target)


def test_where_it_lies_is_no_identity(elsewhere: Path, tmp_path: Path) -> None:
    before = fetched(folder=elsewhere).fingerprint
    elsewhere.rename(tmp_path / "moved")
    assert fetched(folder=tmp_path / "moved").fingerprint == before
    assert fetched(folder=tmp_path / "moved", template="gemma2_system").fingerprint != before


def test_a_template_that_is_named_wins_and_one_of_ours_is_kept(house: House, elsewhere: Path, tmp_path: Path) -> None:
    named = made(fetched(folder=elsewhere, template="gemma2_system"), tmp_path / "store")
    assert load(named.path).name == "gemma2_system"
    ours = made(fetched(folder=house.make(house.llama).path), tmp_path / "store")
    assert load(ours.path) == load(house.make(house.llama).path)
    assert ours.manifest.kind == "fetch"


def test_a_format_that_is_none_of_ours_is_left_open(elsewhere: Path, tmp_path: Path) -> None:
    file = elsewhere / "tokenizer_config.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    assert recognised(elsewhere) is not None
    for text in ("{{ bos_token }}{% for m in messages %}{{ m['content'] }}!{% endfor %}", None):
        file.write_text(json.dumps({**settings, "chat_template": text}), encoding="utf-8")
        for own in elsewhere.glob("*.jinja"):
            own.unlink()
        assert recognised(elsewhere) is None
    found = made(fetched(folder=elsewhere), tmp_path / "store")
    assert found.summary["template"] == ""
    with pytest.raises(ValueError, match="its chat format is not known; name one with `template`"):
        load(found.path)


def test_a_recipe_names_it_like_any_other_model(elsewhere: Path, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        f"""title: From elsewhere
weights:
  local: {{name: fetch, folder: '{elsewhere}', template: gemma2}}
evaluation:
  tasks: {{name: prepare, benchmark: {{name: judged_tasks, limit_per_task: 1}}}}
  lengths: {{name: score, prompts: tasks, completions: answers}}
inference:
  answers: {{name: answer, model: local, prompts: [tasks], max_new_tokens: 3}}
""",
        encoding="utf-8",
    )
    recipe = load_recipe(file)
    run([recipe.steps["lengths"]], Runtime(store=tmp_path / "store", device="cpu"))
    (answered,) = tmp_path.glob("store/answer-*/manifest.json")
    assert json.loads(answered.read_text(encoding="utf-8"))["inputs"]["model"] == recipe.steps["local"].folder


def test_its_shapes_are_known_beforehand(elsewhere: Path) -> None:
    known = Config(folder=elsewhere).foresee({})
    assert isinstance(known, Foreseen)
    assert known.shape["model_type"] == "gemma2"
    assert Config(repo="a/b", revision=REVISION).foresee({}) is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "give either `folder`, or `repo` with `revision`"),
        ({"repo": "a/b"}, "give either `folder`, or `repo` with `revision`"),
        ({"revision": REVISION}, "give either `folder`, or `repo` with `revision`"),
        ({"repo": "a/b", "revision": "main"}, "revision"),
        ({"repo": "b", "revision": REVISION}, "repo"),
        ({"folder": __file__}, "is a file; name the folder"),
        ({"folder": "/nowhere"}, "no such file or folder"),
    ],
)
def test_one_place_is_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config.model_validate(config)


@pytest.mark.parametrize(
    ("gone", "added", "message"),
    [
        ("config.json", {}, "has no config.json"),
        ("tokenizer.json", {}, "has no tokenizer.json: open its tokenizer with `AutoTokenizer`"),
        ("model.safetensors", {}, r"has no \*\.safetensors"),
        ("", {"adapter_config.json": {}}, "is an adapter; merge it"),
        (
            "",
            {"model.safetensors.index.json": {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}},
            "1 of 2 files of weights are missing, model-2.safetensors first",
        ),
    ],
)
def test_a_folder_without_a_whole_model_is_refused(
    elsewhere: Path, tmp_path: Path, gone: str, added: dict[str, Any], message: str
) -> None:
    if gone:
        (elsewhere / gone).unlink()
    for name, content in added.items():
        (elsewhere / name).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        run([fetched(folder=elsewhere)], Runtime(store=tmp_path / "store"))


class Hub(BaseHTTPRequestHandler):
    """What a snapshot of a model asks of the hub, for one folder on this machine."""

    root: Path
    asked: list[str]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        name = path.removeprefix(f"/owner/model/resolve/{REVISION}/")
        files = {file.name: file for file in self.root.iterdir()}
        if path == f"/api/models/owner/model/revision/{REVISION}":
            siblings = [{"rfilename": name} for name in files]
            self.reply(json.dumps({"id": "owner/model", "sha": REVISION, "siblings": siblings}).encode())
        elif path.startswith(f"/api/models/owner/model/tree/{REVISION}"):
            listed = [
                {"type": "file", "oid": "0" * 40, "size": file.stat().st_size, "path": name}
                for name, file in files.items()
            ]
            self.reply(json.dumps(listed).encode())
        elif name in files:
            self.reply(files[name].read_bytes())
        else:
            self.send_error(404)

    def reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{len(body):040x}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(elsewhere: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve the folder on this machine; return the endpoint, and the paths asked for."""

    class Served(Hub):
        root = elsewhere
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
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.weights.fetch import Config, fetch
target = step(fetch, Config(repo="owner/model", revision=sys.argv[1]))
run([target], Runtime(store=Path(sys.argv[2])))
print(target.folder)
"""


def test_a_model_of_a_hub_is_linked_from_its_cache(
    tmp_path: Path, hub: tuple[str, list[str]], elsewhere: Path, child_environment: dict[str, str]
) -> None:
    endpoint, asked = hub
    environment = {**child_environment, "NO_PROXY": "127.0.0.1", "HF_ENDPOINT": endpoint}
    environment |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "cache")}
    environment |= {"HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", PROGRAM, REVISION, str(tmp_path / "store")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "store" / done.stdout.split()[-1]
    weights = folder / "model.safetensors"
    assert weights.is_symlink()
    assert weights.resolve().is_relative_to((tmp_path / "cache").resolve())
    assert weights.read_bytes() == (elsewhere / "model.safetensors").read_bytes()
    assert Checkpoint(folder).manifest.summary["template"] == "gemma2"
    assert not any(path.endswith("optimizer.pt") for path in asked)
