"""Every setting of the machine can be given on the command line, and a wrong one is a usage error that helps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from zhiyin.cli.machine import runtime

Call = Callable[..., Any]


def test_texts_become_the_types_of_the_settings() -> None:
    found = runtime(["nodes=2", "activation_checkpointing=true", "cluster=auto"], device="cpu")
    assert (found.device, found.nodes, found.activation_checkpointing, found.cluster) == ("cpu", 2, True, "auto")
    assert runtime(None, device="cpu").nodes == 1


@pytest.mark.parametrize("text", ["node=2", "nodes", "nodes=none", "nodes=0", "parallelism=ddd"])
def test_a_wrong_one_names_what_there_is(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"nodes|parallelism"):
        runtime([text])


@pytest.mark.parametrize("verb", ["run", "explain"])
def test_both_verbs_take_them(here: Path, zhiyin: Call, verb: str) -> None:
    assert zhiyin(verb, "little.yaml", "--runtime", "keep_checkpoints=3").exit_code == 0
    refused = zhiyin(verb, "little.yaml", "--runtime", "keep_checkpoint=3")
    assert refused.exit_code == 2
    assert "keep_checkpoints" in refused.output


def test_help_says_how_data_work_goes_to_a_cluster(zhiyin: Call) -> None:
    said = " ".join(zhiyin("run", "--help").output.split())
    assert "cluster=HOST:PORT (Ray for data)" in said
    assert runtime(["cluster=10.0.0.1:6379"], workers=2).cluster == "10.0.0.1:6379"
