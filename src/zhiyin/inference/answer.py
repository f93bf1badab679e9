"""Ask one model every prompt of one or more prompt sets; it is loaded once."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from zhiyin.artifacts import Adapter, Checkpoint, CompletionSet, PromptSet, write_json
from zhiyin.chat.templates import AnyTemplate
from zhiyin.execution import progress
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.catalog import make
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.store import CHECKPOINTS
from zhiyin.inference.engines import Advance, AnyEngine, Dtype, Engine
from zhiyin.inference.interview import Interview
from zhiyin.inference.sampling import Sampling
from zhiyin.inference.strategies import AnyStrategy, Strategy
from zhiyin.records import jsonl
from zhiyin.records.prompt import Completion


class Config(StepConfig):
    """How a model is asked, and how its answers are drawn."""

    resumable: ClassVar = True

    template: AnyTemplate | None = None
    """The chat template that renders messages; without one, the model's own."""
    engine: AnyEngine = Field(default_factory=lambda: make(Engine, "transformers"))
    """What runs the model."""
    strategy: AnyStrategy = Field(default_factory=lambda: make(Strategy, "direct"))
    """What the model is asked to come to an answer; prompts with choices are scored as they are."""
    max_new_tokens: int = Field(default=256, ge=1)
    """Longest answer, in tokens, its stop token among them."""
    temperature: float = Field(default=0.0, ge=0.0)
    """Divides the logits before drawing; 0 takes the likeliest token every time."""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """Draw among the likeliest tokens that together hold this much probability."""
    seed: int = 42
    """Of the drawing; each sample of each prompt has a stream of its own under it."""
    dtype: Dtype = "float32"
    """Precision of the weights and of the arithmetic; log-probabilities are taken in float32 always."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact] | None:
        """Check that `model` is given exactly when the engine opens one."""
        if self.engine.reads_model and "model" not in inputs:
            raise ValueError("answer needs the input 'model', Checkpoint or Adapter")
        if not self.engine.reads_model and "model" in inputs:
            raise ValueError(f"the engine {self.engine.name} asks a server for its model: take `model` away")
        return CompletionSet

    def forecast(self, inputs: Mapping[str, Any], runtime: Any) -> Iterable[str]:
        """Say what the engine says of the prompts that are there; a strategy may ask each more than once."""
        sets = [one for one in inputs.values() if isinstance(one, PromptSet)]
        return self.engine.forecast([prompt for one in sets for prompt in one], self.max_new_tokens) if sets else ()


def answer(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    prompts: Mapping[str, PromptSet],
    model: Checkpoint | Adapter | None = None,
) -> CompletionSet:
    """Write `<name>.jsonl`, the completions of each prompt set in its order, samples of a prompt side by side.

    `telemetry/speed.json` says how long each took. Raises `ValueError`, with its id, for a prompt that cannot be asked.
    """
    asked = {name: list(prompt_set) for name, prompt_set in prompts.items()}
    session = config.engine.open(
        model, template=config.template, dtype=config.dtype, runtime=runtime, keep=out / CHECKPOINTS
    )
    sampling = Sampling(config.max_new_tokens, config.temperature, config.top_p, config.seed)
    interview = Interview(session, config.strategy, sampling)
    tally = _tally(sum(prompt.samples for one in asked.values() for prompt in one))
    summary: dict[str, Any] = {}
    speed: dict[str, Any] = {}
    for name, one in asked.items():
        began = time.monotonic()
        completions = interview.ask(one, tally)
        speed[name] = _speed(completions, time.monotonic() - began)
        summary[name] = {"prompts": len(one), **_summary(completions), "template": session.template}
        jsonl.write(out / f"{name}.jsonl", completions)
    (out / "telemetry").mkdir(exist_ok=True)
    write_json(out / "telemetry" / "speed.json", speed)
    return CompletionSet(out, summary)


def _tally(total: int) -> Advance:
    """Return what counts finished answers over all prompt sets, for whoever watches."""
    done, began = 0, time.monotonic()

    def advance(finished: int) -> None:
        nonlocal done
        done += finished
        speed = done / max(time.monotonic() - began, 1e-9)
        # A strategy that asks several questions a prompt moves the goal.
        progress.report(done, max(total, done), "answers", **{"answers/s": f"{speed:.0f}"})

    return advance


def _summary(completions: Sequence[Completion]) -> dict[str, Any]:
    generated = [completion for completion in completions if completion.stopped]
    by_length = sum(completion.stopped == "length" for completion in generated)
    return {
        "answers": len(completions),
        "generated_tokens": sum(completion.tokens for completion in generated),
        "stopped_by_length": by_length / len(generated) if generated else 0.0,
        "truncated": sum(completion.truncated for completion in completions),
    }


def _speed(completions: Sequence[Completion], seconds: float) -> dict[str, Any]:
    """Return seconds, and tokens a second: prompts read, choices scored and answers generated together."""
    tokens = sum(
        completion.prompt_tokens + sum(completion.choice_tokens) + completion.tokens for completion in completions
    )
    return {"seconds": round(seconds, 2), "tokens_per_second": round(tokens / max(seconds, 1e-9))}
