"""Write the questions of one benchmark, ready to be asked of any model."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from zhiyin.artifacts import ConversationSet, PreferenceSet, PromptSet, TextSet
from zhiyin.evaluation.benchmarks import AnyBenchmark, Benchmark
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.prompt import Prompt


class Config(StepConfig):
    """Which benchmark, under which protocol."""

    benchmark: AnyBenchmark
    """The benchmark and its settings."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact] | None:
        """Check that `records` is given exactly when the benchmark reads it, and is of a kind it reads."""
        _check(self.benchmark, inputs.get("records"))
        return PromptSet


def prepare(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    records: TextSet | ConversationSet | PreferenceSet | None = None,
) -> PromptSet:
    """Write every prompt of the benchmark once; raises `ValueError` for a repeated id or an unusable prompt."""
    _check(config.benchmark, None if records is None else type(records))
    prompts = PromptSet.write(out, _checked(config.benchmark.prompts(records)))
    if not prompts.summary["prompts"]:
        raise ValueError(
            f"{config.benchmark.name} has no prompts: {records.path if records else 'its files'} hold none"
        )
    return prompts


def _check(benchmark: Benchmark, records: type[Artifact] | None) -> None:
    needed = " or ".join(kind.__name__ for kind in benchmark.needs)
    if records is None and needed:
        raise ValueError(f"the benchmark {benchmark.name} asks about records: give it `records`, a {needed}")
    if records is not None and not needed:
        raise ValueError(f"the benchmark {benchmark.name} reads its own files: take `records` away")
    if records is not None and not issubclass(records, benchmark.needs):
        raise ValueError(f"the benchmark {benchmark.name} reads a {needed}, but `records` is a {records.__name__}")


def _checked(prompts: Iterable[Prompt]) -> Iterator[Prompt]:
    """Pass prompts on, refusing what could not be asked or told apart."""
    seen: set[str] = set()
    for prompt in prompts:
        if not prompt.id or prompt.id in seen:
            raise ValueError(f"prompt id {prompt.id!r} is empty or was used before; every prompt needs its own")
        if bool(prompt.messages) == (prompt.text is not None):
            raise ValueError(f"prompt {prompt.id}: it needs either messages or text, not both")
        if not all(prompt.choices) or prompt.samples < 1:
            raise ValueError(f"prompt {prompt.id}: no choice may be empty, and `samples` must be 1 or more")
        seen.add(prompt.id)
        yield prompt
