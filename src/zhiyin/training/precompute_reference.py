"""Log-probabilities of preference pairs under a model, kept as an artifact that any number of trainings share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from zhiyin.artifacts import Adapter, Checkpoint, PreferenceSet, ReferenceLogProbs
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.store import CHECKPOINTS
from zhiyin.training.objectives import AnyObjective


class Config(StepConfig):
    """How the pairs become tokens; a training that uses the result must read them the same way."""

    resumable: ClassVar = True

    objective: AnyObjective = Field(default="dpo", validate_default=True)
    """The objective of the trainings to come, with its settings."""
    max_length: int = Field(default=1024, ge=2)
    """Tokens of a sequence. A longer pair is set aside, or cut."""
    overlength: Literal["drop", "truncate"] = "drop"
    """A pair above `max_length` is set aside whole, or cut, first at its prompt."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the weights."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return `ReferenceLogProbs`; raises `ValueError` for an objective without a reference model."""
        if not self.objective.needs_reference:
            raise ValueError(f"objective {self.objective.name} needs no reference model")
        return ReferenceLogProbs


def precompute_reference(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    model: Checkpoint,
    data: PreferenceSet,
    start: Adapter | None = None,
) -> ReferenceLogProbs:
    """Write the log-probabilities of both answers of every pair of `data` under `model`, or `start` on it."""
    from zhiyin.chat.template import load_encoder
    from zhiyin.training.layout import choose
    from zhiyin.training.overlength import take_in
    from zhiyin.training.reference import reference_logprobs, save
    from zhiyin.weights.blocks import fuse_blocks
    from zhiyin.weights.load import load_model, pick_device

    encoder = load_encoder(model.path)
    cut: dict[str, Any] = {"max_length": config.max_length, "truncate": config.overlength == "truncate"}
    taken = take_in(data, config.objective, encoder, **cut)
    network = load_model(start or model, device=pick_device(runtime.device), dtype=config.dtype)
    fuse_blocks(network)
    layout = choose(network, taken.examples, tokens=runtime.micro_batch_tokens, pad_id=encoder.pad_id)
    found = reference_logprobs(
        network, taken.examples, layout=layout, cache=out / CHECKPOINTS / "reference.safetensors"
    )
    save(out, taken.examples, found)
    return ReferenceLogProbs(out, {**taken.summary(), "layout": layout.told, "dtype": config.dtype})
