"""What goes wrong in a Chinese answer and can be measured without a judge: language, script, repetition, the end.

Every function is pure and looks at the text alone.
"""

import re
from functools import cache
from typing import Any

SPAN = 8
"""Characters of the pieces whose repetition is counted."""
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f\u0400-\u04ff]+(?:['’-][A-Za-z\u00c0-\u024f\u0400-\u04ff]+)*")
_KANA_AND_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|https?://\S+|\$[^$\n]+\$", re.DOTALL)
_TURN = re.compile(
    r"<\|?(?:start_of_turn|end_of_turn|im_start|im_end|eot_id|start_header_id|end_header_id|endoftext)\|?>"
    r"|\[/?INST\]|</s>"
    r"|^\s*(?:#{2,3}\s*(?:Instruction|Response|Input)\s*[:：]|(?:Human|User|Assistant|用户|助手|问|答)\s*[:：]"
    r"|(?:user|model|assistant)\s*$)",
    re.MULTILINE,
)
_REFUSAL = re.compile(
    r"(?:很?抱歉|对不起|不好意思)[，,]?\s*(?:但|不过)?\s*(?:作为|我(?:无法|不能|没有办法|不可以|难以)|这个(?:问题|请求)|您的)"
    r"|我(?:无法|不能|不可以)(?:回答|提供|协助|帮助|满足|完成|生成|讨论|执行)"
    r"|作为(?:一个|一款|一名)?(?:人工智能|AI|大?语言模型)[^。！？\n]{0,30}(?:无法|不能|没有)"
    r"|\bI(?:'m| am) (?:sorry|unable|not able)\b|\bI (?:cannot|can't|can not|won't)\b|\bAs an AI\b",
    re.IGNORECASE,
)
OPENING = 120
"""Characters of an answer in which a refusal is looked for: later on, such words are quoted or are about others."""


def is_chinese(text: str) -> bool:
    """Tell whether a text is Chinese: more Han characters than words of other scripts, no kana, no hangul."""
    text = _CODE.sub(" ", text)
    return not _KANA_AND_HANGUL.search(text) and len(_HAN.findall(text)) > len(_WORD.findall(text))


def other_language(question: str, answer: str) -> float:
    """Return the share of an answer that is not in the language of its question, 0 to 1.

    Counted are Han characters and words of other scripts. To a Chinese question those words are foreign, unless they
    stand in the question; to any other, Han characters are. Code, formulas and addresses do not count.
    """
    bare = _CODE.sub(" ", answer)
    han, words = len(_HAN.findall(bare)), _WORD.findall(bare)
    words += _KANA_AND_HANGUL.findall(bare)
    if not han + len(words):
        return 0.0
    if not is_chinese(question):
        return 0.0 if _HAN.search(question) else han / (han + len(words))
    given = {word.lower() for word in _WORD.findall(question)}
    return sum(word.lower() not in given for word in words) / (han + len(words))


def traditional(text: str) -> float:
    """Return the share of the Han characters that OpenCC's `t2s` would change: how far a text drifts from simplified.

    Characters that both scripts use, or that have no simplified form, count as simplified.
    """
    if not (han := _HAN.findall(text)):
        return 0.0
    found = "".join(han)
    simple: str = _simplifier().convert(found)
    changed = sum(one != two for one, two in zip(found, simple, strict=False)) + abs(len(found) - len(simple))
    return changed / len(han)


def repetition(text: str) -> float:
    """Return the share of the pieces of `SPAN` characters that stood in the text before; 0 for a shorter text."""
    bare = "".join(text.split())
    pieces = [bare[start : start + SPAN] for start in range(len(bare) - SPAN + 1)]
    return 1 - len(set(pieces)) / len(pieces) if pieces else 0.0


def runs_on(text: str) -> bool:
    """Tell whether an answer goes on past its end: it holds control tokens, or begins another turn on a line."""
    return bool(_TURN.search(text))


def refuses(text: str) -> bool:
    """Tell whether an answer begins as a refusal, in Chinese or English."""
    return bool(_REFUSAL.search(text[:OPENING]))


@cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")
