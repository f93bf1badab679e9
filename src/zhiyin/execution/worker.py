"""The entry point torchrun starts: one step, in several processes; rank 0 leaves the summary beside the order."""

import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from zhiyin.execution.artifact import Artifact, Manifest
from zhiyin.execution.runtime import Runtime


def main(order_file: Path) -> None:
    """Run the step that `order_file` describes; see `runner._under_torchrun`."""
    order = json.loads(order_file.read_text(encoding="utf-8"))
    module = import_module(order["module"])
    config = module.Config.model_validate(order["config"], context={"recorded": True})
    inputs = {name: _open(value) for name, value in order["inputs"].items()}
    runtime = Runtime.model_validate(order["runtime"])
    artifact: Artifact = getattr(module, order["verb"])(config, out=Path(order["out"]), runtime=runtime, **inputs)
    if os.environ["RANK"] == "0":
        order_file.with_suffix(".summary").write_text(json.dumps(dict(artifact.summary)), encoding="utf-8")


def _open(value: Mapping[str, Any]) -> Any:
    if "many" in value:
        return {key: _open(one) for key, one in value["many"].items()}
    module, _, name = value["class"].rpartition(".")
    path = Path(value["path"])
    return getattr(import_module(module), name)(path, Manifest.read(path).summary)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
