"""Arena-Hard's files and verdicts: questions, answers, and a judge's words on both orders of two answers."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from msgspec import Struct

from zhiyin.records import jsonl

R = TypeVar("R", bound=Struct)

Verdict = Literal["A>>B", "A>B", "A=B", "B>A", "B>>A"]
Several = Literal["unparsed", "last"]

WORTH: dict[str, float] = {"A>>B": 1.0, "A>B": 1.0, "A=B": 0.5, "B>A": 0.0, "B>>A": 0.0}
"""What a verdict is worth to assistant A."""
STRONG = 3
"""A verdict with two signs counts as this many."""
_VERDICT = re.compile(r"\[\[\s*([ABab])\s*(>>|<<|>|<|=)\s*([ABab])\s*\]\]")
_TURNED = {">>": "<<", "<<": ">>", ">": "<", "<": ">", "=": "="}


class Question(Struct, frozen=True):
    """A line of `question.jsonl`."""

    uid: str
    prompt: str
    category: str
    """`arena-hard-v0.1`, or in v2 `hard_prompt` or `creative_writing`."""
    cluster: str = ""
    """The topic (v0.1)."""
    subcategory: str = ""
    """The topic (v2)."""


class Answer(Struct, frozen=True, omit_defaults=True):
    """A line of `model_answer/<model>.jsonl`: the last message holds `{"answer": text}`."""

    uid: str
    model: str
    messages: list[dict[str, Any]]
    ans_id: str = ""
    tstamp: float = 0.0
    metadata: dict[str, Any] = {}
    """Style: `token_len` and counts of Markdown elements, where they were added."""

    @property
    def text(self) -> str:
        """The answer; raises `ValueError` when the last message holds none."""
        content = self.messages[-1].get("content") if self.messages else None
        text = content.get("answer") if isinstance(content, dict) else content
        if not isinstance(text, str):
            raise ValueError(f"answer {self.uid} of {self.model}: the last message holds no text: {content!r}")
        return text


class Game(Struct, frozen=True):
    """What the judge said of the two answers in one order; `score` is the verdict that was read, None for none."""

    score: str | None
    judgment: Any = None
    prompt: Any = None


class Judgment(Struct, frozen=True):
    """A line of `model_judgment/<judge>/<model>.jsonl`. In game 1 the baseline is A, in game 2 the model."""

    uid: str
    model: str
    games: list[Game | None]
    judge: str = ""
    category: str = ""
    baseline: str = ""


class Battle(NamedTuple):
    """One verdict between two models."""

    uid: str
    model: str
    baseline: str
    share: float
    """What the model won: 1, 0.5 for a tie, 0."""
    weight: float
    """1, or 3 for a verdict with two signs."""
    category: str = ""


class Battles(NamedTuple):
    """Every verdict of some judgments, and the games that gave none."""

    played: tuple[Battle, ...]
    unread: tuple[str, ...]
    """`uid model, game 1`: no verdict could be read there."""


def verdict(text: str, several: Several = "unparsed") -> Verdict | None:
    """Return the verdict that a judge's words state as `[[A>>B]]`, or None when there is none that can be told.

    The same verdict stated twice is one. For several different ones v0.1's protocol takes none, v2's the last. `A<B`
    is `B>A`, and blanks and small letters are let pass; `A>A` is no verdict.
    """
    found = [_straight(*match.groups()) for match in _VERDICT.finditer(text)]
    stated = [one for one in found if one is not None]
    if not stated or (several == "unparsed" and len(set(stated)) > 1):
        return None
    return stated[-1]


def _straight(first: str, sign: str, second: str) -> Verdict | None:
    """Return a verdict in one of the five forms."""
    first, second = first.upper(), second.upper()
    if first == second:
        return None
    if sign == "=":
        return "A=B"
    if sign[0] == "<":
        first, second, sign = second, first, _TURNED[sign]
    forms: dict[str, Verdict] = {"A>>B": "A>>B", "A>B": "A>B", "B>A": "B>A", "B>>A": "B>>A"}
    return forms[f"{first}{sign}{second}"]


def battles(judgments: Iterable[Judgment], baseline: str = "", strong: float = STRONG) -> Battles:
    """Return every verdict as a battle; `baseline` names the other side of files that do not say it (v0.1's).

    Raises `ValueError` for a judgment without exactly two games, without a baseline, or made twice.
    """
    played: list[Battle] = []
    unread: list[str] = []
    seen: set[tuple[str, str]] = set()
    for one in judgments:
        other = one.baseline or baseline
        if len(one.games) != 2 or not other or (one.uid, one.model) in seen:
            raise ValueError(
                f"judgment {one.uid} of {one.model}: {len(one.games)} games against {other or 'no baseline'}"
                f"{', judged before' if (one.uid, one.model) in seen else ''}; expected one judgment of two games, in "
                "both orders, against a named baseline"
            )
        seen.add((one.uid, one.model))
        for number, game in enumerate(one.games):
            said = None if game is None or game.score is None else verdict(f"[[{game.score}]]")
            if said is None:
                unread.append(f"{one.uid} {one.model}, game {number + 1}")
                continue
            worth = WORTH[said] if number == 1 else 1 - WORTH[said]
            weight = strong if len(said) == 4 else 1.0
            played.append(Battle(one.uid, one.model, other, worth, weight, one.category))
    return Battles(tuple(played), tuple(unread))


def read_questions(file: Path) -> list[Question]:
    """Read `question.jsonl`; raises `ValueError` with file and line."""
    return _unique(file, list(jsonl.read(file, Question)))


def read_answers(file: Path) -> list[Answer]:
    """Read one model's answers; raises `ValueError` with file and line, and for a second model."""
    found = _unique(file, list(jsonl.read(file, Answer)))
    if len({one.model for one in found}) > 1:
        raise ValueError(f"{file} holds answers of several models: {sorted({one.model for one in found})}")
    for number, one in enumerate(found):
        try:
            str(one.text)
        except ValueError as error:
            raise ValueError(f"{file}:{number + 1}: {error}") from error
    return found


def read_judgments(file: Path) -> list[Judgment]:
    """Read a judge's words on one model's answers, or on several models'; raises `ValueError` with file and line."""
    found = list(jsonl.read(file, Judgment))
    if not found:
        raise ValueError(f"{file} holds no judgments")
    return found


def write(file: Path, records: Iterable[Question | Answer | Judgment]) -> None:
    """Write lines as Arena-Hard's scripts read them."""
    jsonl.write(file, records)


def _unique(file: Path, found: list[R]) -> list[R]:
    uids: list[str] = [getattr(one, "uid", "") for one in found]
    if not uids:
        raise ValueError(f"{file} is empty")
    first: dict[str, int] = {}
    for number, uid in enumerate(uids):
        if uid in first:
            raise ValueError(f"{file}:{number + 1}: {uid} stands in line {first[uid] + 1} already")
        first[uid] = number
    return found
