"""What exams answered with a letter share: how a question is asked, turned and marked, whichever exam it is of."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from pydantic import Field, model_validator

from zhiyin.evaluation.choices import logprobs
from zhiyin.evaluation.exam import Exam
from zhiyin.evaluation.extract import LETTERS, letter
from zhiyin.evaluation.protocols import llamafactory, opencompass
from zhiyin.evaluation.protocols.item import ExamName, Item, Protocol
from zhiyin.evaluation.protocols.known import PROTOCOLS, ProtocolName
from zhiyin.evaluation.questions import Question, original
from zhiyin.execution.config import Config
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

TURNS = range(1, len(LETTERS))
"""The other cyclic orders of the options."""


@dataclass(frozen=True)
class Paper:
    """One subject of an exam, ready to be asked."""

    group: str
    subject: str
    """Its name as it stands in prompts."""
    place: str
    """What stands in front of a question's number in its id."""
    questions: Sequence[Question]
    examples: Sequence[Question] = ()
    """Where shots are taken from."""
    before: int = 0
    """Questions that a run of the whole exam asks before these, in the protocol's own order of subjects."""


class LetterExam(Exam, Config):
    """The settings, prompts and marks of an exam whose answers are letters; mixed into a `Benchmark`.

    A turned question (`@1` to `@3` at the end of its id) shows the same options in another cyclic order. It counts
    in `turned_accuracy`, and in two measures of the question it comes from: `follows_content`, the share of its
    turned forms in which the answer is the same text as in the first form, and `follows_position`, in which it is the
    same letter. Guessing gives a quarter of each; knowledge gives the first.
    """

    protocol: ProtocolName = "official"
    """How a question is asked and its answer read; each is described in `evaluation/protocols/`."""
    chat: bool | None = None
    """Ask in turns, rendered by the chat template (true), or as raw text (false); absent does as the protocol does."""
    shots: int = Field(default=0, ge=0)
    """Worked examples in front of each question: the first ones of `dev`, for `llamafactory` drawn anew each time."""
    fixed_shots: bool = False
    """Of `llamafactory`: the first examples for all questions alike, which then share them and cost less to ask."""
    limit_per_subject: int | None = Field(default=None, ge=1)
    """Ask only the first questions of each subject, this many."""
    rotations: int = Field(default=0, ge=0)
    """Ask this many questions, drawn from all, three times more with their options turned by 1, 2 and 3 places."""
    seed: int = 0
    """Seed of that draw."""
    chance: float | None = 0.25
    """The accuracy of guessing."""

    @model_validator(mode="after")
    def _in_a_known_form(self) -> Self:
        forms = self.way.forms
        if self.fixed_shots and not self.way.shuffles:
            raise ValueError(f"fixed_shots: the protocol {self.protocol} has fixed shots anyway; leave it out")
        if self.chat is not None and self.chat not in forms:
            only = "in chat form" if forms[0] else "as raw text"
            raise ValueError(f"chat: the protocol {self.protocol} asks {only} only; leave `chat` out")
        if self.protocol == "llamafactory" and self.chat is False and self.wording_of() == "mmlu":
            raise ValueError(
                "chat: LLaMA-Factory's `template: fewshot` encodes each turn by itself; here a raw prompt is one text, "
                "in which some tokenizers join an English colon and the letter behind it; leave `chat` out"
            )
        return self

    @property
    def way(self) -> Protocol:
        """The protocol itself."""
        return PROTOCOLS[self.protocol]

    @property
    def draws_shots(self) -> bool:
        """Whether each question has shots of its own."""
        return self.way.shuffles and self.shots > 0 and not self.fixed_shots

    @property
    def average(self) -> Literal["micro", "macro"]:
        """Mean over questions or over subjects, as the protocol does."""
        return self.way.average[self.wording_of()]

    @abstractmethod
    def wording_of(self) -> ExamName:
        """Return the exam whose wording is used."""

    @abstractmethod
    def papers(self) -> Iterator[Paper]:
        """Yield every subject that is asked, in the order of the exam."""

    def prompts(self, records: object) -> Iterator[Prompt]:
        """Yield the questions, subject by subject; ids are the paper's place and a number from 0."""
        papers = list(self.papers())
        turned = self._drawn([len(paper.questions[: self.limit_per_subject]) for paper in papers])
        number = 0
        for paper in papers:
            for item in self._items(paper):
                yield self._asked(item)
                for places in TURNS if number in turned else ():
                    meta = {**item.meta, "turned": places}
                    question = item.question.turned(places)
                    yield self._asked(replace(item, id=f"{item.id}@{places}", question=question, meta=meta))
                number += 1

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `accuracy`, or `answered` where the label is kept back; `turned_` in front for a turned question.

        Where letters are ranked, equal ones go to the earlier. Where the model writes, an answer without a letter is
        wrong and unanswered, `strict_compliance` says whether it is a letter and nothing else (document 002), and
        `characters` and `stopped` how long it is and whether a stop token ended it.
        """
        picked = self._picked(prompt, completion)
        turned = self.kind(prompt) == "turned"
        measure = ("turned_" if turned else "") + ("accuracy" if prompt.reference else "answered")
        value = float(picked == prompt.reference if prompt.reference else picked is not None)
        yield Mark(prompt.id, measure, value, extracted=picked, group=prompt.group)
        if self.way.writes and not turned:
            alone = float(completion.text.strip() in LETTERS)
            yield Mark(prompt.id, "strict_compliance", alone, extracted=completion.text, group=prompt.group)
            length = float(len(completion.text))
            yield Mark(prompt.id, "characters", length, extracted=completion.text, group=prompt.group)
            stopped = float(completion.stopped == "stop")
            yield Mark(prompt.id, "stopped", stopped, extracted=completion.stopped, group=prompt.group)

    def kind(self, prompt: Prompt) -> str:
        """Return `turned` for a question in another order: it is marked under other measures."""
        return "turned" if "turned" in prompt.meta else ""

    def names(self, prompt: Prompt) -> tuple[str, ...]:
        """Return the letters: what an answer is called, however its choice is written."""
        return LETTERS

    def ranked_by(self, completion: Completion) -> tuple[float, ...]:
        """Return the summed log-probabilities, or their means where whole texts are compared."""
        if not self.way.whole_texts:
            return completion.choice_logprobs
        pairs = zip(completion.choice_logprobs, completion.choice_tokens, strict=True)
        return tuple(opencompass.rank(total, tokens) for total, tokens in pairs)

    def across(self, asked: Sequence[Prompt], marks: Sequence[Sequence[Mark]]) -> Iterator[Mark]:
        """Yield `follows_content` and `follows_position` of every question that was asked in other orders too."""
        picked = {prompt.id: some[0].extracted for prompt, some in zip(asked, marks, strict=True)}
        turned: dict[str, list[Prompt]] = {}
        for prompt in asked:
            if self.kind(prompt) == "turned":
                turned.setdefault(prompt.id.rpartition("@")[0], []).append(prompt)
        for name, prompts in turned.items():
            first = picked[name]
            here = [(picked[prompt.id], prompt.meta["turned"]) for prompt in prompts]
            content = [one is not None and LETTERS[original(LETTERS.index(one), int(str(by)))] for one, by in here]
            for measure, answers in (("follows_content", content), ("follows_position", [one for one, _ in here])):
                share = sum(first is not None and answer == first for answer in answers) / len(answers)
                yield Mark(name, measure, share, extracted=first, group=prompts[0].group)

    def _drawn(self, sizes: Sequence[int]) -> frozenset[int]:
        """Return which questions, counted through the exam, are turned."""
        if self.rotations > sum(sizes):
            raise ValueError(f"rotations: {self.rotations} questions wanted, the exam asks {sum(sizes)}")
        return frozenset(random.Random(self.seed).sample(range(sum(sizes)), self.rotations))

    def _items(self, paper: Paper) -> Iterator[Item]:
        if len(paper.examples) < self.shots:
            raise ValueError(f"{paper.group}: {self.shots} shots wanted, dev has {len(paper.examples)} questions")
        draws = llamafactory.Draws() if self.draws_shots else None
        if draws:
            draws.skip(paper.before)
        for number, question in enumerate(paper.questions[: self.limit_per_subject]):
            order = draws.next(len(paper.examples)) if draws else range(len(paper.examples))
            yield Item(
                id=f"{paper.place}/{number}",
                exam=self.wording_of(),
                subject=paper.subject,
                question=question,
                shots=tuple(paper.examples[place] for place in order[: self.shots]),
                group=paper.group,
                meta={} if question.answer else {"id": question.id},
            )

    def _asked(self, item: Item) -> Prompt:
        return self.way.prompt(item, self.way.forms[0] if self.chat is None else self.chat)

    def _picked(self, prompt: Prompt, completion: Completion) -> str | None:
        if self.way.writes:
            return letter(completion.text)
        values = self.ranked_by(completion) if logprobs(prompt, completion) else ()
        return LETTERS[max(range(len(values)), key=values.__getitem__)] if values else None
