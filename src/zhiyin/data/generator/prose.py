"""Short paragraphs that state the facts, each about as often as its kind needs."""

import random
from collections.abc import Iterator
from itertools import accumulate

from zhiyin.data.generator.fact import Fact, Kind
from zhiyin.data.generator.library import kinds
from zhiyin.records.conversation import Document

SOURCE = "generated_prose"

_OPENINGS = ("说说{}。", "关于{}：", "再来看{}。", "{}要记住。")
_OPENING_SHARE = 0.15
"""Of the paragraphs on one topic: begun with a word on what they are about."""
_MIXED_SHARE = 0.4
"""Of the paragraphs: about several topics."""
_SHORTEST, _LONGEST = 50, 115
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
    return tuple(f"{statement}。" for statement in fact.statements)
