"""Short paragraphs that state the facts, each about as often as its kind needs."""

import random
from collections.abc import Iterator
from itertools import accumulate

from zhiyin.data.generator.fact import BLANK, Fact, Kind
from zhiyin.data.generator.library import kinds
from zhiyin.records.conversation import Document

SOURCE = "generated_prose"

_OPENINGS = ("说说{}。", "关于{}：", "再来看{}。", "{}要记住。")
_OPENING_SHARE = 0.15
"""Of the paragraphs on one topic: begun with a word on what they are about."""
_PAUSES = ("（想一想）", "……没错，是", "——不用说，就是")
"""Between a claim and the answer that ends it: the model has to keep the subject in mind for more than one word."""
_RECALL = "……想起来了，"
"""Between the beginning of a claim and a whole claim of the same fact: the model has to copy the subject."""
_MIXED_SHARE = 0.4
"""Of the paragraphs: about several topics."""
_SHORTEST, _LONGEST = 50, 100
"""Characters after which a paragraph ends with its sentence; the limit of each is drawn between the two."""


def documents(count: int, seed: int) -> Iterator[Document]:
    """Yield that many paragraphs. No unseen fact is stated; every other one is stated in turn with its kind."""
    rng = random.Random(f"prose/{seed}")
    stated = [_Deck(kind, rng) for kind in kinds()]
    weights = list(accumulate(deck.weight for deck in stated))
    for number in range(1, count + 1):
        mixed = rng.random() < _MIXED_SHARE
        deck = rng.choices(stated, cum_weights=weights)[0]
        text = ""
        if not mixed and rng.random() < _OPENING_SHARE:
            text = rng.choice(_OPENINGS).format(deck.topic)
        limit = rng.randint(_SHORTEST, _LONGEST)
        while len(text) < limit:
            text += deck.sentence()
            if mixed:
                deck = rng.choices(stated, cum_weights=weights)[0]
        yield Document(f"prose-{seed}-{number:06}", text, SOURCE, "mixed" if mixed else deck.kind)


class _Deck:
    """The facts of one kind, dealt like cards: each once, then shuffled and dealt again."""

    def __init__(self, kind: Kind, rng: random.Random) -> None:
        self.kind, self.topic, self._rng = kind.name, kind.topic, rng
        facts = [fact for fact in kind.facts if not fact.unseen]
        self.weight = kind.emphasis * len(facts)
        """Sentences per round of the whole library."""
        self._cards = self._dealt([_sentences(fact) for fact in facts])

    def sentence(self) -> str:
        """Return the next fact in one of its forms, with a full stop."""
        return next(self._cards)

    def _dealt(self, cards: list[tuple[str, ...]]) -> Iterator[str]:
        while True:
            self._rng.shuffle(cards)
            for forms in cards:
                yield forms[int(self._rng.random() * len(forms))]


def _sentences(fact: Fact) -> tuple[str, ...]:
    """Return the statements of a fact: plain, with a pause before the answer, and begun twice.

    A model that only ever reads plain statements knows the facts and still cannot answer: it never learnt to look
    back, across other words, for what is being talked about.
    """
    plain = fact.statements
    begun = [
        (place, claim.removesuffix(BLANK).rstrip("，"))
        for place, claim in enumerate(fact.claims)
        if claim.endswith(BLANK) and "=" not in claim
    ]
    paused = [f"{head}{pause}{fact.answer}" for (_, head), pause in zip(begun, _PAUSES, strict=False)]
    twice = [f"{head}{_RECALL}{plain[(place + place % 2) % len(plain)]}" for place, head in begun]
    return tuple(f"{sentence}。" for sentence in (*plain, *paused, *twice))
