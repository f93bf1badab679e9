"""Answers beside the baseline's, matched prompt by prompt: what both halves of a win rate begin with."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from zhiyin.artifacts import CompletionSet, PromptSet
from zhiyin.records.prompt import Completion, Prompt

ALPACA, ARENA = "alpaca_eval", "arena_hard"
BENCHMARKS = (ALPACA, ARENA)
SHOWN_IDS = 10
"""Ids named in an error message."""


class Answered(NamedTuple):
    """A prompt, with the baseline's answer as its reference, and the model's answer."""

    prompt: Prompt
    completion: Completion


class Words(NamedTuple):
    """Where a judge's words are: in a file, or in its answers to prompts of `win_rate_prompts`."""

    file: Path | None
    judge_prompts: PromptSet | None = None
    verdicts: CompletionSet | None = None

    def said(self) -> Mapping[str, Completion]:
        """Return the judge's answers by prompt; raises `ValueError` when a prompt has none, or several."""
        if self.judge_prompts is None or self.verdicts is None:
            raise ValueError("a win rate needs `annotations`, or `judge_prompts` with `verdicts`; neither is given")
        found = by_id(self.verdicts.of(self.judge_prompts), str(self.verdicts.path))
        missing = [one.id for one in self.judge_prompts if one.id not in found]
        if missing:
            raise ValueError(f"{self.verdicts.path}: the judge did not answer {shown(missing)}")
        return found

    def about(self, prompts: PromptSet, completions: CompletionSet) -> "Words":
        """Return these words; raises `ValueError` when the judge was shown answers other than those."""
        if self.judge_prompts is not None:
            inputs, wanted = self.judge_prompts.manifest.inputs, (prompts.path.name, completions.path.name)
            if (inputs.get("prompts"), inputs.get("completions")) != wanted:
                raise ValueError(
                    f"{self.judge_prompts.path} shows the judge the answers {inputs.get('completions')} to "
                    f"{inputs.get('prompts')}, not {wanted[1]} to {wanted[0]}"
                )
        return self

    def setting(self, name: str) -> Any:
        """Return one of the settings that the judge's prompts were written with."""
        return self.judge_prompts.manifest.config[name] if self.judge_prompts else None


def how_answered(answers: CompletionSet) -> list[object]:
    """Return how answers were made: the verb, its version and its settings."""
    manifest = answers.manifest
    return [manifest.kind, manifest.version, manifest.config]


def benchmark_of(prompts: PromptSet) -> str:
    """Return `alpaca_eval` or `arena_hard`; raises `ValueError` for prompts of another benchmark."""
    name = prompts.manifest.config.get("benchmark", {}).get("name", "")
    if name not in BENCHMARKS:
        raise ValueError(
            f"{prompts.path} holds prompts of {name or 'no benchmark'}: a win rate is against the baseline of "
            f"{' or '.join(BENCHMARKS)}"
        )
    return str(name)


def answered(prompts: PromptSet, completions: CompletionSet) -> list[Answered]:
    """Return every prompt with its answer; raises `ValueError` unless each has exactly one, and nothing else has."""
    given = by_id(completions.of(prompts), str(completions.path))
    asked = list(prompts)
    missing = [one.id for one in asked if one.id not in given]
    extra = sorted(given.keys() - {one.id for one in asked})
    if missing or extra:
        raise ValueError(
            f"{completions.path} does not answer {prompts.path} one to one: no answer to {shown(missing)}; answers to "
            f"unknown prompts {shown(extra)}"
        )
    return [Answered(one, given[one.id]) for one in asked]


def by_id(completions: Iterator[Completion], where: str) -> Mapping[str, Completion]:
    """Return completions by the prompt they answer; raises `ValueError` for a second sample."""
    found: dict[str, Completion] = {}
    for one in completions:
        if one.prompt_id in found:
            raise ValueError(f"{where}: prompt {one.prompt_id} has several answers; a win rate takes one of each")
        found[one.prompt_id] = one
    return found


def with_baseline(pairs: list[Answered], name: str) -> None:
    """Raise `ValueError` unless every prompt knows the baseline's answer."""
    without = [one.prompt.id for one in pairs if not one.prompt.reference]
    if without:
        raise ValueError(
            f"{name}: no answer of the baseline to {shown(without)}; prepare the benchmark with the baseline's answers"
        )


def shown(ids: list[str]) -> str:
    """Return ids for a message: the first ones, and how many more there are."""
    more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
    return ", ".join(ids[:SHOWN_IDS]) + more if ids else "none"
