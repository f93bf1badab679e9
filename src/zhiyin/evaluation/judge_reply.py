"""Reading a judge's reply: the score of each system, or which of two is better, in Chinese or English.

Nothing is guessed. A score that is missing, above ten, a range, or given twice with different values is left out.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

MOST = 10
"""The best score."""

_DIGITS = {numeral: value for value, numeral in enumerate("零一二三四五六七八九十")} | {"两": 2, "〇": 0}
_HAN = "[零〇一二两三四五六七八九十]"

# A system by its number: `System 1`, `系统一`, `第二个系统`, `模型3`, `2号系统`.
_NOUN = r"(?:systems?|assistants?|models?|系统|模型|助手)"
_LABEL = (
    rf"(?:{_NOUN}\s*[-#_.]?\s*\(?(?P<after>\d{{1,2}}|{_HAN})\)?(?![\d年])"
    rf"|第\s*(?P<before>\d{{1,2}}|{_HAN})\s*(?:个|号)?{_NOUN}|(?P<number>\d{{1,2}})\s*号{_NOUN})"
)
# 8, 8.5, 8/10, 80/100, 8 out of 10, 8分, 八分, 八点五分, 八分半. A longer number, a range or a count is not a score.
_SCORE = (
    rf"(?<![\d.\-])(?P<value>\d{{1,3}}(?:\.\d+)?|{_HAN}(?:点{_HAN})?)(?![\d.]\d)\s*"
    r"(?P<half>分半)?(?P<unit>分|points?)?\s*(?:(?:/|out\s+of|\(?\s*满分)\s*(?P<of>\d{1,3})\s*分?\)?)?"
    r"(?!\s*[-~–—至到]\s*\d)(?!\s*(?:个|点|处|条|行|年|月|次|字|%|倍|种|项|号))"
    r"(?!\s*(?:minor|major|small|factual|more|times?|errors?|mistakes?|examples?|issues?|problems?|reasons?|words?)\b)"
)
_TOTAL = (
    r"(?:(?:最终|最后|综合|总体|总)(?:分数|得分|评分|打分|分值|评价)|总分"
    r"|(?:final|overall|total)\s+(?:scores?|ratings?))"
)
_WORD = rf"(?:{_TOTAL}|分数|得分|评分|打分|分值|给分|评价|scores?|ratings?|grade)"
_SCALE = r"(?:\(?\s*满分\s*[为是:]?\s*10\s*分?\s*\)?|\(\s*0\s*[-~–到至]\s*10\s*分?\s*\))"
# What may stand on the line between a system and its score: the word for score, verbs of giving, punctuation.
_VERB = (
    r"的|是|为|我|会|可以|应该|应|给出|给|得到|获得|得|打|了"
    r"|gets?|got|receives?|received|earns?|is|was|of|a|an|the|['’]s"
)
_GAP = rf"(?:[^\S\n]|[:=|,\-–—(\[\"'>→]|{_SCALE}|{_WORD}|{_VERB})*"

_STATED = re.compile(rf"{_LABEL}{_GAP}{_SCORE}", re.IGNORECASE)
_HEAD = re.compile(rf"^[ \t>\-+|]*(?:\d{{1,2}}[.、):]\s*)?{_LABEL}", re.IGNORECASE | re.MULTILINE)
_ANYWHERE = re.compile(_LABEL, re.IGNORECASE)
_AFTER = rf"\s*(?:[:=|\-–—(]|{_SCALE}|是|为|of|is|\s)*{_SCORE}"
_WORDED = (re.compile(_TOTAL + _AFTER, re.IGNORECASE), re.compile(_WORD + _AFTER, re.IGNORECASE))
_NEXT = re.compile(rf"[^\S\n]*[:|]?\s*\n\s*{_SCORE}[^\S\n]*[。,;]?\s*(?:\n|$)", re.IGNORECASE)
_WHOLE = re.compile(rf"\s*(?:{_WORD}\s*[:=]?\s*|得)?{_SCORE}\s*", re.IGNORECASE)
_NUMBERED = re.compile(
    rf"^\s*[(\[]?(?P<place>\d{{1,2}})\s*[.、):\]]\s*(?:{_WORD}\s*[:=]?\s*)?{_SCORE}", re.IGNORECASE | re.MULTILINE
)
_VERDICT = re.compile(r"\[\[\s*([ABC]|tie)\s*\]\]", re.IGNORECASE)
_RULE = re.compile(r"^\s*\|?[\s:|-]+\|[\s:|-]*$")


def scores_in(text: str, count: int) -> dict[int, float]:
    """Return the scores by place, from 1 to `count`; what cannot be read is missing.

    Tried in this order, for each place: a row or column of a table, a system with its score right after it, the word
    for score below a system's heading; then, when no system is named at all, numbered lines or a bare row of numbers.
    """
    plain = _plain(text)
    found: dict[int, float] = {}
    for way in (_tabled, _stated, _headed):
        for place, values in _gathered(way(plain)).items():
            if 1 <= place <= count and place not in found and len(values) == 1:
                found[place] = values.pop()
    if not found and not _ANYWHERE.search(plain):
        found = {place: values.pop() for place, values in _gathered(_bare(plain, count)).items() if len(values) == 1}
        found = found if set(found) == set(range(1, count + 1)) else {}
    return {place: found[place] for place in sorted(found)}


def verdict_in(text: str) -> Literal["A", "B", "C"] | None:
    """Return the last verdict in double brackets: `[[A]]`, `[[B]]`, or `[[C]]` (also `[[tie]]`) for a draw."""
    given = _VERDICT.findall(_plain(text))
    if not given:
        return None
    last = given[-1].upper()
    return "A" if last == "A" else "B" if last == "B" else "C"


def _plain(text: str) -> str:
    """Return the text with half-width digits and punctuation, without Markdown's marks of emphasis or long blanks.

    A model that falls into repeating blanks must not cost minutes of backtracking.
    """
    half = unicodedata.normalize("NFKC", text)
    bare = re.sub(r"[*`#]|__|</?(?:b|strong|td|tr|th|br)\s*/?>", "", half)
    return re.sub(r"(?:\n ?){3,}", "\n\n", re.sub(r"[^\S\n]+", " ", bare))


def _gathered(pairs: Iterator[tuple[int, float | None]]) -> dict[int, set[float]]:
    """Gather what was said of each place. A value that is no score counts as said, too: it makes the place unclear."""
    found: dict[int, set[float]] = {}
    for place, value in pairs:
        found.setdefault(place, set()).add(-1.0 if value is None else value)
    return {place: values for place, values in found.items() if values != {-1.0}}


def _stated(text: str) -> Iterator[tuple[int, float | None]]:
    """Yield `System1: 8`, one after the other."""
    for match in _STATED.finditer(text):
        yield _place(match), _value(match)


def _tabled(text: str) -> Iterator[tuple[int, float | None]]:
    """Yield rows with one system and one score, and columns with a system on top."""
    columns: dict[int, int] = {}
    for line in text.split("\n"):
        if _RULE.match(line):
            continue
        row = line.strip().removeprefix("|").removesuffix("|")
        cells = [cell.strip() for cell in row.split("|")] if "|" in row else []
        labels = {index: _place(match) for index, cell in enumerate(cells) if (match := _ANYWHERE.fullmatch(cell))}
        values = {index: _value(match) for index, cell in enumerate(cells) if (match := _WHOLE.fullmatch(cell))}
        if len(labels) == 1 and len(values) == 1:
            yield next(iter(labels.values())), next(iter(values.values()))
        elif len(labels) > 1:
            columns = labels
        else:
            yield from ((columns[index], value) for index, value in values.items() if index in columns)
            columns = columns if cells and not values else {}


def _headed(text: str) -> Iterator[tuple[int, float | None]]:
    """Yield what is called a total, or else a score, below each line that begins with a system, or stands there alone.

    Several different ones (for accuracy, for style) and no total leave the system without a score.
    """
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends if heads else [], strict=True):
        below = text[head.end() : end]
        if match := _NEXT.match(below):
            yield _place(head), _value(match)
            continue
        for words in _WORDED:
            if values := [_value(match) for match in words.finditer(below)]:
                yield from ((_place(head), value) for value in values)
                break


def _bare(text: str, count: int) -> Iterator[tuple[int, float | None]]:
    """Yield lines `1. 8分`, or a text that is nothing but `count` numbers."""
    numbered = list(_NUMBERED.finditer(text))
    if numbered:
        yield from ((int(match["place"]), _value(match)) for match in numbered)
        return
    pieces = [piece for piece in re.split(r"[\s,;、|]+", text) if piece]
    matches = [_WHOLE.fullmatch(piece) for piece in pieces]
    if len(matches) == count and all(matches):
        yield from ((place, _value(match)) for place, match in enumerate(matches, start=1) if match)


def _place(match: re.Match[str]) -> int:
    named = match["after"] or match["before"] or match["number"]
    return int(named) if named.isascii() else _DIGITS[named]


def _value(match: re.Match[str]) -> float | None:
    """Return a score on the scale of ten, or None where it is not on it. `十分好` is no ten."""
    written, of = match["value"], match["of"]
    if written[0].isascii():
        value = float(written)
    elif match["unit"] or match["half"]:
        whole, _, tenths = written.partition("点")
        value = _DIGITS[whole] + _DIGITS.get(tenths, 0) / 10
    else:
        return None
    value += 0.5 if match["half"] else 0.0
    if of:
        value = value * MOST / int(of) if int(of) > 0 else -1.0
    return value if 0 <= value <= MOST else None
