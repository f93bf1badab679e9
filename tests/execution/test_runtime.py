"""The settings of a machine: closed, and refused where they make no sense."""

import pytest
from pydantic import ValidationError

from zhiyin.execution.runtime import Runtime


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("workers", 0), ("num_processes", 0), ("nodes", 0), ("max_restarts", -1), ("parallelism", "pipeline")),
        *(("micro_batch_tokens", 0), ("checkpoint_seconds", 0), ("keep_checkpoints", 0), ("learning_rate", 1)),
    ],
)
def test_what_makes_no_sense_is_refused(field: str, value: int | str) -> None:
    with pytest.raises(ValidationError, match=field):
        Runtime.model_validate({field: value})


def test_it_reads_back_what_it_wrote() -> None:
    runtime = Runtime(device="cpu", workers=3)
    assert Runtime.model_validate(runtime.plain()) == runtime
