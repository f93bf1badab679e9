"""Mark every answer to a benchmark's prompts, and add the marks up with intervals. No model is needed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from zhiyin.artifacts import CompletionSet, Contamination, PromptSet, ScoreSet, write_json
from zhiyin.evaluation.benchmarks import Benchmark, prepared_with
from zhiyin.evaluation.cautions import exposed, warnings
from zhiyin.evaluation.exam import Exam, Sheet, diagnose
from zhiyin.evaluation.exposure import clean_scores, exposure, quoted
from zhiyin.execution.config import StepConfig
from zhiyin.execution.progress import report
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Diagnosis, Mark, Overview, Score

PROGRESS_EVERY = 500
SHOWN_IDS = 10
"""Ids named in an error message."""


class Config(StepConfig):
    """How intervals are drawn where no formula fits. They are always 95 % intervals."""

    code_version: ClassVar[int] = 2

    resamples: int = Field(default=2000, ge=100)
    """Bootstrap resamples."""
    seed: int = 0
    """Seed of the bootstrap."""


def score(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    prompts: PromptSet,
    completions: CompletionSet,
    reference: CompletionSet | None = None,
    contamination: Contamination | None = None,
) -> ScoreSet:
    """Write `marks.jsonl` and `scores.jsonl`; the summary is an `Overview`.

    With `contamination`, a scan of the training data for these prompts, scores are given without the flagged questions
    too. The benchmark is the one the prompts were prepared with, read back from their manifest. Raises `ValueError`
    when a prompt lacks answers, when there are answers to anything else, or when the benchmark needs `reference` (the
    answers of the model it is measured against) and has none, or has one that it does not read.
    """
    from zhiyin.evaluation.significance import Resampling
    from zhiyin.evaluation.tally import scores, tallies

    flagged = quoted(contamination, prompts) if contamination else frozenset()
    benchmark = prepared_with(prompts)
    if benchmark.needs_reference != (reference is not None):
        wanted = "needs `reference`, the answers of the model to compare with" if reference is None else "reads none"
        raise ValueError(f"reference: the benchmark {benchmark.name} {wanted}")
    asked = list(prompts)
    answers = _matched(asked, completions, prompts)
    references = _matched(asked, reference, prompts) if reference else None
    marks = _marks(benchmark, asked, answers, references)
    exam = benchmark if isinstance(benchmark, Exam) else Exam()
    every = [*chain.from_iterable(marks), *exam.across(asked, marks)]
    jsonl.write(out / "marks.jsonl", every)
    for name, content in exam.files(asked, marks).items():
        write_json(out / name, content)
    plan = Resampling(resamples=config.resamples, seed=config.seed)
    tallied = tallies(every)
    found: list[Score] = []
    for tally in tallied.values():
        found.extend(scores(benchmark.name, tally, benchmark.average, exam.categories(), plan))
    clean = list(clean_scores(benchmark.name, tallied, flagged, benchmark.average, plan))
    jsonl.write(out / "scores.jsonl", [*found, *clean])
    measures = {one.measure: one for one in found if one.group == ""}
    diagnosis = _diagnosis(benchmark, asked, answers, marks, measures)
    truncated = sum(completion.truncated for completion in chain.from_iterable(answers))
    seen = exposure(len(asked), flagged, clean) if contamination else None
    overview = Overview(
        benchmark=benchmark.name,
        protocol=_protocol(prompts, completions),
        prompts_hash=_prompts_hash(prompts),
        average=benchmark.average,
        measures=measures,
        truncated=truncated,
        exam=diagnosis,
        warnings=(*warnings(measures, truncated, diagnosis), *exposed(measures, seen)),
        contamination=seen,
    )
    return ScoreSet(out, overview.plain())


def _matched(asked: Sequence[Prompt], completions: CompletionSet, prompts: PromptSet) -> list[list[Completion]]:
    """Return the answers to each prompt, by sample; raises unless every prompt has exactly those it asked for."""
    given: dict[str, list[Completion]] = {prompt.id: [] for prompt in asked}
    extra: list[str] = []
    for completion in completions.of(prompts):
        if completion.prompt_id in given:
            given[completion.prompt_id].append(completion)
        else:
            extra.append(completion.prompt_id)
    wrong = [
        f"{prompt.id} (asked for {prompt.samples}, got samples {sorted(one.sample for one in given[prompt.id])})"
        for prompt in asked
        if sorted(one.sample for one in given[prompt.id]) != list(range(prompt.samples))
    ]
    if wrong or extra:
        raise ValueError(
            f"{completions.path} does not answer {prompts.path} one to one: "
            f"missing or repeated answers to {_first(wrong)}; answers to unknown prompts {_first(extra)}"
        )
    return [sorted(answers, key=lambda one: one.sample) for answers in given.values()]


def _first(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
    return ", ".join(ids[:SHOWN_IDS]) + more if ids else "none"


def _marks(
    benchmark: Benchmark,
    asked: Sequence[Prompt],
    answers: Iterable[Sequence[Completion]],
    references: Sequence[Sequence[Completion]] | None,
) -> list[list[Mark]]:
    """Return the marks of each prompt; all of a kind must be marked under the same measures, partial ones apart."""
    found: list[list[Mark]] = []
    first: dict[str, tuple[Prompt, set[str]]] = {}
    for number, (prompt, given) in enumerate(zip(asked, answers, strict=True)):
        reference = references[number][0] if references else None
        found.append([mark for one in given for mark in benchmark.marks(prompt, one, reference)])
        measures = {mark.measure for mark in found[-1]} - benchmark.partial
        alike, expected = first.setdefault(_kind(benchmark, prompt), (prompt, measures))
        if not measures or measures != expected:
            raise ValueError(f"{benchmark.name} marked {prompt.id} under {sorted(measures)}, unlike {alike.id}")
        if (number + 1) % PROGRESS_EVERY == 0:
            report(number + 1, len(asked), "answers")
    return found


def _diagnosis(
    benchmark: Benchmark,
    asked: Sequence[Prompt],
    answers: Sequence[Sequence[Completion]],
    marks: Sequence[Sequence[Mark]],
    measures: dict[str, Score],
) -> Diagnosis | None:
    if not isinstance(benchmark, Exam) or "accuracy" not in measures:
        return None
    accuracy = [next((mark for mark in some if mark.measure == "accuracy"), None) for some in marks]
    sheet = Sheet(
        prompts=[prompt for prompt, mark in zip(asked, accuracy, strict=True) if mark],
        completions=[given[0] for given, mark in zip(answers, accuracy, strict=True) if mark],
        marks=[mark for mark in accuracy if mark],
        chance=benchmark.chance,
    )
    return diagnose(benchmark, sheet, measures["accuracy"].mean)


def _kind(benchmark: Benchmark, prompt: Prompt) -> str:
    return benchmark.kind(prompt) if isinstance(benchmark, Exam) else ""


def _prompts_hash(prompts: PromptSet) -> str:
    return prompts.manifest.results["records.jsonl"][:12]


def _protocol(prompts: PromptSet, completions: CompletionSet) -> str:
    """Return a hash over the prompts' bytes and how they were answered: the verb's version, config and template."""
    manifest = completions.manifest
    name = {folder: name.removeprefix("prompts.") for name, folder in manifest.inputs.items()}[prompts.path.name]
    how = {
        "prompts": _prompts_hash(prompts),
        "answered": [manifest.kind, manifest.version, manifest.config],
        "template": manifest.summary.get(name, {}).get("template", ""),
    }
    return hashlib.sha256(json.dumps(how, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]
