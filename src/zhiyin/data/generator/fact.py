"""One fact: how prose claims it, how it is asked, what is right and what is wrong, and on which side it stands."""

from functools import cache
from hashlib import blake2b
from typing import Literal

from msgspec import Struct

Part = Literal["train", "held_out"]

BLANK = "＿"
"""Where the answer stands in a claim; it never occurs in the text itself."""

HELD_OUT_SHARE = 0.4
"""Of all roots: asked in the exam, never seen in the form of a question."""
UNSEEN_SHARE = 0.25
"""Of the held-out roots of a kind that follows a rule: not stated in prose either."""


class Fact(Struct, frozen=True):
    """One thing that is so, with one answer.

    Facts that give each other away (a capital and its province; 7 + 8, 15 - 8 and the story about them) share a
    `root`. The root alone decides the side, so no question of the exam has its reverse in the training part.
    """

    kind: str
    key: str
    """Unique among all facts."""
    root: str
    claims: tuple[str, ...]
    """Statements with `BLANK` in the place of the answer, the plainest first."""
    questions: tuple[str, ...]
    """Ways to ask for it, each complete in itself."""
    answer: str
    wrong: tuple[str, ...]
    """At least three wrong answers of the same form, none of them also right."""
    regular: bool = False
    """It follows from a rule, so that a part of its kind can be left out of the prose and still be worked out."""

    @property
    def part(self) -> Part:
        """The side it stands on, whatever the seed: two sources of one recipe can never disagree."""
        return "held_out" if _place(self.root, "part") < HELD_OUT_SHARE else "train"

    @property
    def unseen(self) -> bool:
        """Whether nothing states it: neither prose nor instructions. Only a held-out fact of a rule can be."""
        return self.regular and self.part == "held_out" and _place(self.root, "unseen") < UNSEEN_SHARE

    def claim(self, answer: str, form: int = 0) -> str:
        """Return one statement with this answer in it, right or wrong; it has no full stop."""
        return self.claims[form].replace(BLANK, answer)

    @property
    def statements(self) -> tuple[str, ...]:
        """Every true statement of the fact, without full stops."""
        return tuple(claim.replace(BLANK, self.answer) for claim in self.claims)


class Kind(Struct, frozen=True):
    """Facts of one form."""

    name: str
    topic: str
    """What the facts are about, in Chinese."""
    facts: tuple[Fact, ...]
    emphasis: float = 1.0
    """How often prose states a fact of this kind; one that must be learnt by heart needs more than one of a rule."""


def others(pool: tuple[str, ...], *right: str) -> tuple[str, ...]:
    """Return the pool in order, each once, without what is right; of the length of the right one if enough are."""
    rest = tuple(word for word in dict.fromkeys(pool) if word not in right)
    alike = tuple(word for word in rest if len(word) == len(right[0]))
    return alike if len(alike) >= 3 else rest


@cache
def _place(root: str, purpose: str) -> float:
    """Return a number in [0, 1) that depends on the root alone."""
    return int.from_bytes(blake2b(f"{purpose}/{root}".encode(), digest_size=8).digest(), "big") / 2**64
