"""The entry point torchrun starts: one step, in several processes; the first of each machine leaves the summary."""

import json
import os
import pickle
import sys
from pathlib import Path

from zhiyin.execution.artifact import Artifact


def main(order: Path) -> None:
    """Run the verb, with the config and inputs, that `order` holds; see `runner._under_torchrun`."""
    verb, config, given = pickle.loads(order.read_bytes())
    artifact: Artifact = verb(config, **given)
    if os.environ["LOCAL_RANK"] == "0":
        order.with_suffix(".summary").write_text(json.dumps(dict(artifact.summary)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
