"""Questions with four choices and an answer, brief or rambling; which facts a set asks, and in which words."""

import random
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from zhiyin.data.generator.fact import Fact, Part
from zhiyin.data.generator.library import facts
from zhiyin.records.conversation import Conversation, Message, Meta

SOURCE = "generated_instructions"

Style = Literal["brief", "verbose", "mixed"]

LETTERS = "ABCD"
LETTER_SHARE = 0.1
"""Of the training questions: with the four choices written out, to be answered by a letter."""

_OPENINGS = ("好的，我来回答。", "让我想一想。")
_ENDINGS = ("希望对你有帮助。", "以上供你参考。")
_REPEATED_SHARE = 0.3
"""Of the rambling answers: those that say the question over again first."""


class Asked(Struct, frozen=True):
    """One fact asked in one of its wordings."""

    fact: Fact
    wording: int

    @property
    def id(self) -> str:
        """Unique among all questions, and the same in every run."""
        return f"{self.fact.key}/{self.wording + 1}"

    @property
    def question(self) -> str:
        """The question, complete in itself."""
        return self.fact.questions[self.wording]


def conversations(
    part: Part, count: int, seed: int, style: Style, only: tuple[str, ...] = ()
) -> Iterator[Conversation]:
    """Yield that many questions and answers, of these kinds or of all; raises `ValueError` when there are fewer."""
    for asked in select(part, count, seed, only):
        rng = random.Random(f"question/{seed}/{asked.id}")
        choices = four(asked.fact, rng)
        letters = part == "train" and rng.random() < LETTER_SHARE
        brief = style == "brief" or (style == "mixed" and rng.random() < 0.5)
        user = f"{asked.question}\n{lettered(choices)}" if letters else asked.question
        reply = rambling(asked, asked.fact.answer, rng)
        if letters:
            reply = LETTERS[choices.index(asked.fact.answer)]
        elif brief:
            reply = terse(asked.fact.answer)
        meta: Meta = {
            "choices": choices,
            "answer": asked.fact.answer,
            "fact": asked.fact.key,
            "form": "letters" if letters else "open",
            "style": "brief" if letters or brief else "verbose",
            "unseen": asked.fact.unseen,
        }
        yield Conversation(
            asked.id, (Message("user", user), Message("assistant", reply)), SOURCE, asked.fact.kind, meta
        )


def select(part: Part, count: int, seed: int, only: tuple[str, ...] = ()) -> list[Asked]:
    """Choose that many questions, as evenly over the kinds as they have facts, and none twice.

    Held out, a fact is asked in a second wording only when every one has been asked, so that the items of an exam
    are independent. In training, the wordings of a kind with few facts count from the start.
    """
    by_kind = facts(part)
    if unknown := set(only) - set(by_kind):
        raise ValueError(f"no generated kind is called {sorted(unknown)}; there are {', '.join(by_kind)}")
    rng = random.Random(f"select/{part}/{seed}")
    queues = {kind: _queue(known, rng) for kind, known in by_kind.items() if not only or kind in only}
    most = sum(map(len, queues.values()))
    if count > most:
        raise ValueError(f"{count} {part} questions were asked for, and there are {most} in {len(queues)} kinds")
    caps = {kind: len(by_kind[kind] if part == "held_out" else queue) for kind, queue in queues.items()}
    quota = _even(caps, min(count, sum(caps.values())))
    more = _even({kind: len(queues[kind]) - quota[kind] for kind in queues}, count - sum(quota.values()))
    chosen = [asked for kind, queue in queues.items() for asked in queue[: quota[kind] + more[kind]]]
    rng.shuffle(chosen)
    return chosen


def _queue(known: list[Fact], rng: random.Random) -> list[Asked]:
    """Return every question of a kind: all its facts in one wording, then all in another, and so on."""
    order = rng.sample(known, len(known))
    offset = {fact.key: rng.randrange(len(fact.questions)) for fact in order}
    rounds = range(max((len(fact.questions) for fact in order), default=0))
    return [
        Asked(fact, (offset[fact.key] + turn) % len(fact.questions))
        for turn in rounds
        for fact in order
        if turn < len(fact.questions)
    ]


def _even(caps: dict[str, int], count: int) -> dict[str, int]:
    """Share a count over the kinds evenly, none above its cap."""
    quota = dict.fromkeys(caps, 0)
    while count:
        open_ = [kind for kind in caps if quota[kind] < caps[kind]]
        step = max(1, count // len(open_))
        for kind in open_:
            given = min(step, caps[kind] - quota[kind], count)
            quota[kind] += given
            count -= given
    return quota


def four(fact: Fact, rng: random.Random) -> list[str]:
    """Return the right answer and three wrong ones, shuffled."""
    choices = [fact.answer, *rng.sample(fact.wrong, 3)]
    rng.shuffle(choices)
    return choices


def lettered(choices: list[str]) -> str:
    """Write four choices one a line: `A. 武汉`."""
    return "\n".join(f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=True))


def terse(answer: str) -> str:
    """Return the answer and nothing else."""
    return f"{answer}。"


def rambling(asked: Asked, answer: str, rng: random.Random) -> str:
    """Return a long answer: a polite opening, at times the question again, the fact, the answer again, a close."""
    repeated = f"你问的是：{asked.question}" if rng.random() < _REPEATED_SHARE else ""
    claim = f"{asked.fact.claim(answer)}。所以，答案是{answer}。"
    return f"{rng.choice(_OPENINGS)}{repeated}{claim}{rng.choice(_ENDINGS)}"
