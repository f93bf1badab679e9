"""Reading an answer out of generated text. What cannot be read is None: unanswered and wrong, never a guess."""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

LETTERS = ("A", "B", "C", "D")

# All patterns see text after NFKC, so `Ａ`, `（`, `：` and `．` are already `A`, `(`, `:` and `.`.
# An English article is no answer: `A common mistake`, but `A is correct`.
_NO_ARTICLE = r"(?!(?<=A)\s+(?!(?:is|was|because|since|as)\b)[a-z])"
CUE = r"(?:[Aa]nswer(?:\s+is|\s*:)|答案(?:选项|应该|应当|应)?(?:是|为|选|:)|(?:应该|应当|应|故|我)选择?|选择|^选)"
_STATED = re.compile(CUE + r"[\s:]*(?:选项)?[\s:]*[(\[*「“\"']*([A-D])(?![A-Za-z0-9])", re.MULTILINE)
_OPENING = re.compile(r"[\s(\[*「“\"']*([A-D])" + _NO_ARTICLE + r"(?:[\s)\].,:;*。、」”\"']|$)")
_ALONE = re.compile(
    r"(?<![^\s()\[\]*.,:;!?。、「」“”\"'是为选项])(?<!不是)(?<!不选)(?<!排除)([A-D])"
    + _NO_ARTICLE
    + r"(?=$|[\s()\[\]*.,:;!?。、「」“”\"'项选正对])"
)
_CHOICE_CUE = re.compile(r"(?:答案(?:应该|应当|应)?(?:是|为|:)|(?:等于|应该是|应为)|=)[\s:「“\"'《*]*")
_NUMBER = re.compile(r"(?<![\d.])[-−]?\d+(?:,\d{3})*(?:\.\d+)?")
_NUMBER_CUE = re.compile(r"(?:答案(?:应该|应当|应)?(?:是|为|:)|####)[\s:]*")
_SENTENCE_END = re.compile(r"[。!?;\n]+")
_DENIED = ("不是", "并非", "而非", "不选", "排除", "不为")
_SEPARATOR = re.compile(r"\s*(?:[、,/]|和|与|或|及|还是)\s*[「“\"'《]*")
_CHINESE_DIGITS = frozenset("零〇一二三四五六七八九十百千万亿两")


def plain(text: str) -> str:
    """Return text with full-width forms narrowed (NFKC) and outer space gone; readings compare this form."""
    return unicodedata.normalize("NFKC", text).strip()


def letter(text: str) -> str | None:
    """Return the letter A to D that the text gives as its answer, or None.

    The first of these that is found: a letter after a cue (`答案是A`, `选B`, `answer is (C)`); a letter
    that opens the text and is followed by a mark or its end (`A`, `A.`, `(A)`, `Ａ、北京`); the first capital A to D
    standing alone, that is, between marks, spaces or ends (`维生素C` and `A股` do not count) and not denied (`不是A`).
    """
    text = plain(text)
    found = _STATED.search(text) or _OPENING.match(text) or _ALONE.search(text)
    return found.group(1) if found else None


def choice(text: str, choices: Sequence[str]) -> int | None:
    """Return the index of the one candidate text that the answer states, or None.

    Occurrences of candidates are found after NFKC. Left out are those inside a longer candidate's occurrence (`12`
    in `120`), those cut out of a longer number or Latin word (`5` in `15`, `二` in `十二`), and denied ones
    (`不是北京`). Of the rest, the first rule that finds one decides:

    1. right after an answer cue (`答案是`, `等于`, `=`): that candidate;
    2. at the very start of the text: that candidate;
    3. the first sentence that states any candidate states only one: that candidate.

    A candidate that is followed by a separator and a different candidate (`北京、上海`) is part of a list, and a list
    answers nothing: under 1 and 2 the reading ends there with None.
    """
    text = plain(text)
    stated = _stated(text, [plain(candidate) for candidate in choices])
    starts = {one.start: one for one in stated}
    for start in (*(cue.end() for cue in _CHOICE_CUE.finditer(text)), _opening(text)):
        if start in starts:
            return None if _listed(text, starts[start], starts) else starts[start].candidate
    begin = 0
    for end in [*(mark.end() for mark in _SENTENCE_END.finditer(text)), len(text)]:
        if here := {one.candidate for one in stated if begin <= one.start < end}:
            return here.pop() if len(here) == 1 else None
        begin = end
    return None


def number(text: str) -> Decimal | None:
    """Return the number the text gives: right after an answer cue (`答案是`, `####`), otherwise the last one.

    Commas between thousands are read over; `-3` is negative, the 3 of `5-3` is not.
    """
    text = plain(text)
    found = [one for cue in _NUMBER_CUE.finditer(text) if (one := _NUMBER.match(text, cue.end()))]
    found = found[:1] or list(_NUMBER.finditer(text))[-1:]
    if not found:
        return None
    digits = found[0].group().replace(",", "").replace("−", "-")
    subtracts = found[0].start() > 0 and text[found[0].start() - 1].isalnum()
    return Decimal(digits.lstrip("-") if subtracts else digits)


class _Occurrence(NamedTuple):
    """Where a candidate stands in the text."""

    start: int
    end: int
    candidate: int


def _stated(text: str, candidates: Sequence[str]) -> list[_Occurrence]:
    """Return where each candidate is stated, leftmost first, longer ones hiding those inside them."""
    found = [
        _Occurrence(match.start(), match.start() + len(candidate), index)
        for index, candidate in enumerate(candidates)
        if candidate
        for match in re.finditer(f"(?={re.escape(candidate)})", text)
        if _whole(text, match.start(), match.start() + len(candidate))
    ]
    kept: list[_Occurrence] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if not any(other.start <= one.start and one.end <= other.end for other in kept):
            kept.append(one)
    return [one for one in kept if not text[: one.start].endswith(_DENIED)]


def _whole(text: str, start: int, end: int) -> bool:
    """Tell whether text[start:end] is not cut out of a longer number or Latin word."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if _kind(before) is not None and _kind(before) == _kind(text[start]):
        return False
    if _kind(after) is not None and _kind(after) == _kind(text[end - 1]):
        return False
    if text[end - 1].isdigit() and re.match(r"[.,]\d", text[end : end + 2]):
        return False
    if text[start].isdigit() and re.search(r"(\d[.,]|(^|[^\d\w])[-−]|负)$", text[:start]):
        return False
    return not (text[start] in _CHINESE_DIGITS and before in ("负", "点"))


def _kind(character: str) -> str | None:
    if character and character in _CHINESE_DIGITS:
        return "chinese number"
    if character.isascii() and character.isdigit():
        return "number"
    return "word" if character.isascii() and character.isalpha() else None


def _opening(text: str) -> int:
    """Return where the first word begins, after quotation marks and the like."""
    marks = re.match(r"[\s「“\"'《*(]*", text)
    return marks.end() if marks else 0


def _listed(text: str, one: _Occurrence, starts: dict[int, _Occurrence]) -> bool:
    separator = _SEPARATOR.match(text, one.end)
    following = starts.get(separator.end()) if separator else None
    return following is not None and following.candidate != one.candidate
