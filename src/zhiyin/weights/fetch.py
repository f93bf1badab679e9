"""Take a model from a local folder or from the Hugging Face hub; its weights are linked, not copied."""

import json
import shutil
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from zhiyin.artifacts import Checkpoint
from zhiyin.chat.template import save
from zhiyin.chat.templates import AnyTemplate
from zhiyin.execution.artifact import MANIFEST
from zhiyin.execution.config import InputPath, StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.weights.foreseen import Foreseen

WEIGHTS = "*.safetensors"
BESIDE = ("*.json", "*.jinja", "*.model", "LICENSE*", "NOTICE*", "USE_POLICY*")
"""Copied, since they are small: shapes, tokenizer, template, terms."""
INDEX = "model.safetensors.index.json"
REPOSITORY = r"[\w.-]+/[\w.-]+"
COMMIT = r"[0-9a-f]{40}"


class Config(StepConfig):
    """Where the model lies, and which chat format it speaks."""

    folder: InputPath | None = None
    """A folder in the Hugging Face form; all of its bytes are identity, and its weights must stay where they are."""
    repo: str = Field(default="", pattern=f"^({REPOSITORY})?$")
    """A model of the hub, `owner/name`; `HF_ENDPOINT` may name a mirror."""
    revision: str = Field(default="", pattern=f"^({COMMIT})?$")
    """The full commit of `repo`: a branch moves, and the run could not be repeated."""
    template: AnyTemplate | None = None
    """The chat format; absent takes the one of ours that renders as the model's own does, if there is one."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (not self.repo) or bool(self.repo) != bool(self.revision):
            raise ValueError("give either `folder`, or `repo` with `revision`, the full commit")
        if self.folder is not None and not self.folder.is_dir():
            raise ValueError(f"folder: {self.folder} is a file; name the folder that it lies in")
        return self

    def foresee(self, inputs: Mapping[str, Any]) -> Foreseen | None:
        """The shapes of a folder are in its `config.json`."""
        file = self.folder / "config.json" if self.folder else None
        return Foreseen(json.loads(file.read_text(encoding="utf-8"))) if file and file.is_file() else None


def fetch(config: Config, *, out: Path, runtime: Runtime) -> Checkpoint:
    """Write links to the weights, copies of the small files, and `template.json` where the chat format is known.

    The manifest holds the hash of every byte behind the links, so weights that change or go are noticed. Raises
    `ValueError` for a folder without config, tokenizer or safetensors, with a shard missing, or with an adapter.
    """
    from zhiyin.weights.recognition import recognised

    source = config.folder or _downloaded(config.repo, config.revision)
    files = _taken(source)
    for file in files:
        if fnmatch(file.name, WEIGHTS):
            (out / file.name).symlink_to(file.resolve())
        else:
            shutil.copyfile(file, out / file.name)
    # A folder that one of our steps wrote says itself which template it speaks.
    if config.template or not (out / "template.json").exists():
        template = config.template or recognised(out)
        if template:
            save(template, out)
    shape = json.loads((out / "config.json").read_text(encoding="utf-8"))
    known = out / "template.json"
    return Checkpoint(
        out,
        {
            "architecture": shape.get("model_type", ""),
            "template": json.loads(known.read_text(encoding="utf-8"))["name"] if known.exists() else "",
            "bytes": sum(file.stat().st_size for file in files),
        },
    )


def _downloaded(repo: str, revision: str) -> Path:
    """Bring a model into the hub's cache; return its folder there."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(repo, revision=revision, allow_patterns=[WEIGHTS, *BESIDE]))


def _taken(source: Path) -> list[Path]:
    """Return the files that make up the model; raises `ValueError` when some of it is missing."""
    found = {file.name: file for file in sorted(source.iterdir()) if file.is_file() and file.name != MANIFEST}
    if "adapter_config.json" in found:
        raise ValueError(f"{source} is an adapter; merge it into its base first, or train it here")
    if "config.json" not in found:
        raise ValueError(f"{source} has no config.json, so it holds no model in the Hugging Face form")
    if "tokenizer.json" not in found:
        raise ValueError(
            f"{source} has no tokenizer.json: open its tokenizer with `AutoTokenizer` and save it, which writes one"
        )
    kept = [file for name, file in found.items() if any(fnmatch(name, one) for one in (WEIGHTS, *BESIDE))]
    weights = {file.name for file in kept if fnmatch(file.name, WEIGHTS)}
    if INDEX in found:
        shards = set(json.loads(found[INDEX].read_text(encoding="utf-8"))["weight_map"].values())
        if missing := sorted(shards - weights):
            raise ValueError(
                f"{source}: {len(missing)} of {len(shards)} files of weights are missing, {missing[0]} first"
            )
    elif not weights:
        raise ValueError(f"{source} has no {WEIGHTS}; save the model with `save_pretrained`, which writes them")
    return kept
