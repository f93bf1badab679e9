"""What goes wrong in a Chinese answer and can be measured without a judge: language, script, repetition.

Every function is pure and looks at the text alone.
"""

from zhiyin.text.language import HAN, KANA_AND_HANGUL, WORD, is_chinese, without_code
from zhiyin.text.script import opencc

SPAN = 8
"""Characters of the pieces whose repetition is counted."""


def other_language(question: str, answer: str) -> float:
    """Return the share of an answer that is not in the language of its question, 0 to 1.

    Counted are Han characters and words of other scripts. To a Chinese question those words are foreign, unless they
    stand in the question; to any other, Han characters are. Code, formulas and addresses do not count.
    """
    bare = without_code(answer)
    han, words = len(HAN.findall(bare)), WORD.findall(bare)
    words += KANA_AND_HANGUL.findall(bare)
    if not han + len(words):
        return 0.0
    if not is_chinese(question):
        return 0.0 if HAN.search(question) else han / (han + len(words))
    given = {word.lower() for word in WORD.findall(question)}
    return sum(word.lower() not in given for word in words) / (han + len(words))


def traditional(text: str) -> float:
    """Return the share of the Han characters that OpenCC's `t2s` would change: how far a text drifts from simplified.

    Characters that both scripts use, or that have no simplified form, count as simplified.
    """
    if not (han := HAN.findall(text)):
        return 0.0
    found = "".join(han)
    simple: str = opencc("simplified").convert(found)
    changed = sum(one != two for one, two in zip(found, simple, strict=False)) + abs(len(found) - len(simple))
    return changed / len(han)


def repetition(text: str) -> float:
    """Return the share of the pieces of `SPAN` characters that stood in the text before; 0 for a shorter text."""
    bare = "".join(text.split())
    pieces = [bare[start : start + SPAN] for start in range(len(bare) - SPAN + 1)]
    return 1 - len(set(pieces)) / len(pieces) if pieces else 0.0
