"""What exams of four choices share: which choice an answer picks, and what the picks say about the model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zhiyin.evaluation.choices import logprobs
from zhiyin.evaluation.extract import LETTERS
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Diagnosis, Mark

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Floats

LEAST_MASS = 0.5
"""Below this mean probability of the four letters together, a letter score says more of format than of knowledge."""

LEAST_FOLLOWED = 0.5
"""Below this share of turned questions in which the answer follows the content, the order of options decides."""


@dataclass(frozen=True)
class Category:
    """Several groups (subjects) whose averages are averaged once more."""

    name: str
    groups: tuple[str, ...]
    overlapping: bool = False
    """Its groups count in another category too."""


class Exam:
    """The part of a benchmark that marks questions with four choices; mixed into a `Benchmark`.

    Where the prompt lists choices, the most probable one is the answer.
    """

    def ranked_by(self, completion: Completion) -> tuple[float, ...]:
        """Return the number each choice is ranked by: the summed log-probability of its tokens."""
        return completion.choice_logprobs

    def categories(self) -> tuple[Category, ...]:
        """Return the categories of groups to average as well."""
        return ()

    def kind(self, prompt: Prompt) -> str:
        """Return what sort of question this is: those of one kind are marked under the same measures."""
        return ""

    def names(self, prompt: Prompt) -> tuple[str, ...]:
        """Return what marks call each choice: its text."""
        return prompt.choices

    def across(self, asked: Sequence[Prompt], marks: Sequence[Sequence[Mark]]) -> Iterator[Mark]:
        """Yield marks that take several answers; `marks` holds those of each prompt."""
        return iter(())

    def files(self, asked: Sequence[Prompt], marks: Sequence[Sequence[Mark]]) -> dict[str, object]:
        """Return what to write beside the scores, by file name, as JSON values."""
        return {}

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `accuracy`: 1 when the choice ranked first is the reference, else 0.

        Equal choices go to the earlier one, as with argmax; `Diagnosis.ties` counts them.
        """
        values = self.ranked_by(completion) if logprobs(prompt, completion) else ()
        picked = prompt.choices[max(range(len(values)), key=values.__getitem__)] if values else None
        yield Mark(prompt.id, "accuracy", float(picked == prompt.reference), extracted=picked, group=prompt.group)


@dataclass(frozen=True)
class Sheet:
    """A whole exam as answered: prompts, their answers and accuracy marks, in the same order."""

    prompts: Sequence[Prompt]
    completions: Sequence[Completion]
    marks: Sequence[Mark]
    chance: float | None
    """The accuracy of guessing."""


def diagnose(exam: Exam, sheet: Sheet, accuracy: float) -> Diagnosis | None:
    """Return what stands behind `accuracy`, or None where the questions have no four choices."""
    chance = sheet.chance
    if chance is None or not all(len(exam.names(prompt)) == len(LETTERS) for prompt in sheet.prompts):
        return None
    from zhiyin.evaluation.significance import chi_square_against

    ranked = [completion for completion in sheet.completions if completion.choice_logprobs]
    right, counts = _tables(exam, sheet.marks)
    chi_square, degrees, p = chi_square_against(chance, right, counts)
    return Diagnosis(
        chance=chance,
        chance_corrected=(accuracy - chance) / (1 - chance),
        chi_square=chi_square,
        degrees=degrees,
        p=p,
        predicted=_positions(exam, sheet.prompts, [mark.extracted for mark in sheet.marks]),
        right=_positions(exam, sheet.prompts, [prompt.reference for prompt in sheet.prompts]),
        choice_mass=_mean_mass(sheet.prompts, ranked),
        ties=sum(_tied(exam.ranked_by(completion)) for completion in ranked),
        letters=all(tuple(map(str.strip, prompt.choices)) == LETTERS for prompt in sheet.prompts),
        unanswered=sum(mark.extracted is None for mark in sheet.marks),
    )


def _tables(exam: Exam, marks: Sequence[Mark]) -> tuple[Floats, Floats]:
    """Return right answers and counts of each exclusive category, or of each group where there are none.

    Only what could be read counts: an answer that is none was not guessed either.
    """
    import numpy as np

    home = {group: one.name for one in exam.categories() if not one.overlapping for group in one.groups}
    right: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for mark in marks:
        if mark.extracted is None:
            continue
        right[home.get(mark.group, mark.group)] += int(mark.value)
        counts[home.get(mark.group, mark.group)] += 1
    return np.array([right[name] for name in counts], float), np.array(list(counts.values()), float)


def _positions(exam: Exam, prompts: Sequence[Prompt], answers: Sequence[str | None]) -> dict[str, int]:
    found = Counter(
        LETTERS[exam.names(prompt).index(answer)]
        for prompt, answer in zip(prompts, answers, strict=True)
        if answer is not None
    )
    return {letter: found[letter] for letter in LETTERS}


def _mean_mass(prompts: Sequence[Prompt], ranked: Sequence[Completion]) -> float | None:
    if not any(prompt.choices for prompt in prompts):
        return None
    masses = [sum(map(math.exp, completion.choice_logprobs)) for completion in ranked]
    return sum(masses) / len(masses) if masses else 0.0


def _tied(values: tuple[float, ...]) -> bool:
    best, second = sorted(values, reverse=True)[:2]
    return best == second
