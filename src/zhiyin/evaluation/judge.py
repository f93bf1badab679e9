"""Write the questions to a judge: what was asked, and what each of several systems answered."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from zhiyin.artifacts import CompletionSet, PromptSet
from zhiyin.evaluation.benchmarks import AnyBenchmark, Benchmark
from zhiyin.evaluation.judging import Answered, Judging
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.catalog import make
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt


class Config(StepConfig):
    """How the judge is asked, and how its replies are read."""

    benchmark: AnyBenchmark = Field(default_factory=lambda: make(Benchmark, "judged"))
    """`judged` scores all systems in one prompt; `judged_pairs` compares two, in both orders."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact] | None:
        """Check that the benchmark judges answers, and that no others are named."""
        _judging(self.benchmark)
        return PromptSet


def judge(
    config: Config, *, out: Path, runtime: Runtime, prompts: PromptSet, systems: Mapping[str, CompletionSet]
) -> PromptSet:
    """Write the judge's prompts; `answer` puts them to it, and `score` reads its replies.

    Raises `ValueError`, with the id, for a question that a system did not answer exactly once.
    """
    asked = list(prompts)
    texts = {name: _texts(name, asked, completions, prompts) for name, completions in systems.items()}
    answered = (
        Answered(one.id, _turns(one), {name: found[one.id] for name, found in texts.items()}, one.group)
        for one in asked
    )
    return PromptSet.write(out, _judging(config.benchmark).about(answered))


def _judging(benchmark: Benchmark) -> Judging:
    if not isinstance(benchmark, Judging):
        raise ValueError(f"{benchmark.name} judges no answers; `judged` and `judged_pairs` do")
    if benchmark.answers is not None:
        raise ValueError("benchmark.answers is for the step `prepare`: here the answers are those of `systems`")
    return benchmark


def _texts(name: str, asked: list[Prompt], completions: CompletionSet, prompts: PromptSet) -> dict[str, str]:
    """Return a system's answer to each prompt, by id."""
    found: dict[str, str] = {}
    for completion in completions.of(prompts):
        if completion.prompt_id in found:
            raise ValueError(
                f"{completions.path}: {name} answered {completion.prompt_id} more than once, and one answer is judged"
            )
        found[completion.prompt_id] = completion.text
    if missing := [one.id for one in asked if one.id not in found]:
        raise ValueError(f"{completions.path}: {name} did not answer {missing[0]} ({len(missing)} in all)")
    return found


def _turns(prompt: Prompt) -> tuple[Message, ...]:
    return prompt.messages or (Message("user", prompt.text or ""),)
