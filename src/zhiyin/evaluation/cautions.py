"""What a reader must know before trusting a score, or a difference between two."""

from collections.abc import Iterator, Mapping
from typing import Any

from zhiyin.artifacts import ScoreSet
from zhiyin.evaluation.exam import LEAST_FOLLOWED, LEAST_MASS
from zhiyin.execution.artifact import Artifact, Manifest
from zhiyin.execution.explain import leaves
from zhiyin.records.score import Diagnosis, Exposure, Score


def warnings(measures: dict[str, Score], truncated: int, exam: Diagnosis | None) -> Iterator[str]:
    """Yield what a reader must know before trusting the numbers."""
    for measure, score in measures.items():
        if score.unanswered:
            yield f"{measure}: {score.unanswered} of {score.count} answers could not be read and count as wrong"
        if score.count == 1:
            yield f"{measure}: one item only, its interval means nothing"
    if truncated:
        yield f"{truncated} prompts were longer than the model takes and lost their head"
    yield from _of_letters(measures)
    if exam is None:
        return
    if exam.letters and exam.choice_mass is not None and exam.choice_mass < LEAST_MASS:
        yield (
            f"format mismatch: the score measures formatting (the letters A to D together have a mean probability of "
            f"{exam.choice_mass:.3f}, below {LEAST_MASS})"
        )
    accuracy = measures["accuracy"]
    if accuracy.low <= exam.chance <= accuracy.high:
        yield f"at chance: the interval of the accuracy holds {exam.chance:.2f}, the accuracy of guessing"
    if exam.ties:
        yield f"{exam.ties} exact ties between the best two choices, given to the earlier one"


def exposed(measures: dict[str, Score], contamination: Exposure | None) -> Iterator[str]:
    """Yield what is to know of a benchmark whose questions stand in the training data."""
    if contamination is None or not contamination.flagged:
        return
    flagged, count, measure = contamination.flagged, contamination.count, next(iter(measures))
    if clean := contamination.clean.get(measure):
        yield (
            f"contamination: {flagged} of {count} questions stand in the training data; without them {measure} is "
            f"{clean.mean:.4g} instead of {measures[measure].mean:.4g}"
        )
    else:
        yield f"contamination: {flagged} of {count} questions stand in the training data, so there is no clean score"


def _of_letters(measures: dict[str, Score]) -> Iterator[str]:
    """Yield what is to know of an exam answered with letters."""
    if "answered" in measures:
        yield "the questions have no labels, so there is no accuracy; submission.json holds the answers to hand in"
    if "follows_content" in measures and measures["follows_content"].mean < LEAST_FOLLOWED:
        yield (
            f"option order decides: with options turned, the answer follows the content in "
            f"{measures['follows_content'].mean:.0%} and the letter in {measures['follows_position'].mean:.0%} of cases"
        )


def otherwise(before: ScoreSet, after: ScoreSet) -> Iterator[str]:
    """Yield how the two sides were asked or marked differently, which may be what their difference shows."""
    if asked := _changes(_way_of_answering(before), _way_of_answering(after)):
        yield f"answered in another way ({asked}): that, too, may make the difference"
    if marked := _changes(_way_of_marking(before), _way_of_marking(after)):
        yield f"marked in another way ({marked}): that, too, may make the difference"
    yield from _by_another_judge(before, after)
    references = [side.manifest.inputs.get("reference") for side in (before, after)]
    if references[0] != references[1]:
        yield "measured against the answers of another reference: that, too, may make the difference"


def _by_another_judge(before: ScoreSet, after: ScoreSet) -> Iterator[str]:
    """Yield how the judges of two win rates differ; a file of annotations says in itself who wrote it."""
    here = ["verdicts" in side.manifest.inputs for side in (before, after)]
    if here[0] != here[1]:
        yield "judged here on one side, by a file of annotations on the other: that, too, may make the difference"
    elif all(here) and (judged := _changes(_way_of_judging(before), _way_of_judging(after))):
        yield f"judged in another way ({judged}): that, too, may make the difference"


def _way_of_judging(scores: ScoreSet) -> dict[str, Any]:
    """Return the settings of the judge and of its questions, laid flat; not what the judged model is called."""
    judge, asked = _read(scores, "verdicts"), _read(scores, "judge_prompts")
    questions = {name: value for name, value in asked.config.items() if name != "model"}
    return leaves({"verb": judge.kind, "version": judge.version, **judge.config, "questions": questions})


def _way_of_answering(scores: ScoreSet) -> dict[str, Any]:
    """Return the settings of the answers, laid flat, with the template that rendered them."""
    answers, prompts = _read(scores, "completions"), scores.manifest.inputs["prompts"]
    name = {folder: name.removeprefix("prompts.") for name, folder in answers.inputs.items()}[prompts]
    rendered = answers.summary.get(name, {}).get("template", "")
    return leaves({"verb": answers.kind, "version": answers.version, **answers.config, "rendered by": rendered})


def _way_of_marking(scores: ScoreSet) -> dict[str, Any]:
    """Return the settings of the benchmark and the version of what marks, laid flat."""
    return leaves({**_read(scores, "prompts").config, "version": scores.manifest.version})


def _read(scores: ScoreSet, name: str) -> Manifest:
    return Artifact(scores.path.parent / scores.manifest.inputs[name]).manifest


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Name each setting that differs: `max_new_tokens 80 -> 40`; where a file lies makes no difference."""
    names = [name for name in dict.fromkeys((*before, *after)) if not name.endswith(".path")]
    pairs = [(name, before.get(name), after.get(name)) for name in names]
    return ", ".join(f"{name} {_plain(old)} -> {_plain(new)}" for name, old, new in pairs if old != new)


def _plain(value: object) -> str:
    return "none" if value is None else str(value)
