"""What every protocol starts from: one question, its worked examples, and whose exam it is of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.questions import Question
from zhiyin.records.conversation import Message, Meta
from zhiyin.records.prompt import Prompt

ExamName = Literal["cmmlu", "ceval", "mmlu"]
"""Whose wording a protocol uses; a protocol words each of them in its own way."""


@dataclass(frozen=True)
class Item:
    """One question, ready to be put into words."""

    id: str
    exam: ExamName
    subject: str
    """Its name as it stands in the prompt."""
    question: Question
    shots: tuple[Question, ...] = ()
    """Worked examples, in the order in which they stand in front."""
    group: str = ""
    meta: Meta = field(default_factory=dict)

    @property
    def stated(self) -> Meta:
        """What its prompt says of the item itself, whatever the protocol makes of it; see `records.prompt.Prompt`."""
        return {**self.meta, "question": self.question.text, "options": list(self.question.options)}

    def raw(self, text: str, choices: tuple[str, ...], *, add_bos: bool | None = None) -> Prompt:
        """Return a raw prompt with one choice for each letter; its reference is the right letter itself."""
        return Prompt(
            id=self.id,
            text=text,
            add_bos=add_bos,
            choices=choices,
            reference=self.question.answer,
            group=self.group,
            meta=self.stated,
        )

    def chat(self, messages: tuple[Message, ...], choices: tuple[str, ...]) -> Prompt:
        """Return a prompt that the model's chat template renders; without choices, the model writes."""
        return Prompt(
            id=self.id,
            messages=messages,
            choices=choices,
            reference=self.question.answer,
            group=self.group,
            meta=self.stated,
        )


class Wording(NamedTuple):
    """The strings of one exam under one protocol."""

    header: str
    """Stands once in front, with `{subject}` in it."""
    before: str
    """Stands in front of each question."""
    cue: str
    """Follows the options; the answer comes next."""
    gap: str = ""
    """Between cue and letter, in shots and in what is scored alike."""

    def head(self, subject: str) -> str:
        """Return the header with the subject's name in it."""
        return self.header.replace("{subject}", subject)

    def form(self, question: Question) -> str:
        """Return a question with its options, up to the cue."""
        return f"{self.before}{question.text}{listed(question)}{self.cue}"

    def text(self, item: Item) -> str:
        """Return the whole raw prompt: header, shots with their answers and a blank line each, question."""
        shots = "".join(f"{self.form(shot)}{self.gap}{shot.answer}\n\n" for shot in item.shots)
        return f"{self.head(item.subject)}{shots}{self.form(item.question)}"

    def choices(self) -> tuple[str, ...]:
        """Return what is scored for each letter."""
        return tuple(f"{self.gap}{letter}" for letter in LETTERS)


def listed(question: Question) -> str:
    """Return the options, each on a line of its own behind its letter."""
    return "".join(f"\n{letter}. {option}" for letter, option in zip(LETTERS, question.options, strict=True))


def turns(item: Item, form: Callable[[Question], str], head: str = "") -> tuple[Message, ...]:
    """Return shots as turns of user and assistant, then the question; `head` stands in front of the first turn."""
    said: list[Message] = []
    for shot in item.shots:
        said += [Message("user", form(shot)), Message("assistant", shot.answer)]
    said.append(Message("user", form(item.question)))
    return (Message("user", head + said[0].content), *said[1:])


@dataclass(frozen=True)
class Protocol:
    """A way of asking."""

    prompt: Callable[[Item, bool], Prompt]
    """Puts an item into words; the second argument says whether as chat turns or as raw text."""
    forms: tuple[bool, ...]
    """The values of that argument it knows, its own first."""
    average: Mapping[ExamName, Literal["micro", "macro"]]
    """How it averages an exam: over questions, or over subjects."""
    whole_texts: bool = False
    """Its choices are whole texts, ranked by their mean log-probability, not by their sum."""
    writes: bool = False
    """The model writes its answer; nothing is scored."""
    shuffles: bool = False
    """It draws the shots anew for each question, so questions share no prefix beyond the header."""
