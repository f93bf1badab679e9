"""What is known of a model before it is made: the shapes that its steps' configs give it, or those on disk."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zhiyin.artifacts import Adapter, Checkpoint


@dataclass(frozen=True)
class Foreseen:
    """The shapes of a checkpoint, and its tokenizer once there is one."""

    shape: Mapping[str, Any]
    """As its `config.json` has it, or will have."""
    tokenizer: Path | None = None
    """A folder with the tokenizer and the template."""


def foreseen(source: Any) -> Foreseen | None:
    """Return what is known of a model: a finished checkpoint or adapter, what a step foresees, or None."""
    if isinstance(source, Adapter):
        return foreseen(Checkpoint(source.base))
    if isinstance(source, Checkpoint):
        file = source.path / "config.json"
        return Foreseen(json.loads(file.read_text(encoding="utf-8")), source.path) if file.is_file() else None
    return source if isinstance(source, Foreseen) else None
