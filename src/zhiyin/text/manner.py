"""How a text speaks that should be a plain answer: it refuses, or goes on into another turn of a chat."""

import re

_CONTROL = (
    r"<\|?(?:start_of_turn|end_of_turn|im_start|im_end|eot_id|start_header_id|end_header_id|endoftext)\|?>"
    r"|\[/?INST\]|</s>"
)
_TURN = re.compile(
    rf"{_CONTROL}"
    r"|^\s*(?:#{2,3}\s*(?:Instruction|Response|Input)\s*[:：]|(?:Human|User|Assistant|用户|助手|问|答)\s*[:：]"
    r"|(?:user|model|assistant)\s*$)",
    re.MULTILINE,
)
_MARKER = re.compile(
    rf"{_CONTROL}|<(?:user|bot)>\s*[:：]|\[\|(?:Human|AI)\|\]|^#{{2,3}} ?(?:Instruction|Response):", re.MULTILINE
)
_REFUSAL = re.compile(
    r"(?:很?抱歉|对不起|不好意思)[，,]?\s*(?:但|不过)?\s*(?:作为|我(?:无法|不能|没有办法|不可以|难以)|这个(?:问题|请求)|您的)"
    r"|我(?:无法|不能|不可以)(?:回答|提供|协助|帮助|满足|完成|生成|讨论|执行)"
    r"|作为(?:一个|一款|一名)?(?:人工智能|AI|大?语言模型)[^。！？\n]{0,30}(?:无法|不能|没有)"
    r"|\bI(?:'m| am) (?:sorry|unable|not able)\b|\bI (?:cannot|can't|can not|won't)\b|\bAs an AI\b",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"\A(?:请(?:你|您)?)?(?:帮(?:我|忙)|给我|为我|替我|告诉我)|\A我(?:想|要|需要|该)|\A(?:如何|怎么|怎样|为什么|什么是)"
    r"|\A(?:Can|Could|Would|Will) you\b|\A(?:How|What|Why|Where|When|Who)\b|\A(?:Please )?(?:help|tell|give|show) me\b"
    r"|\AI (?:want|need|would like)\b|[?？]\Z",
    re.IGNORECASE,
)
OPENING = 120
"""Characters of an answer in which a refusal is looked for: later on, such words are quoted or are about others."""


def runs_on(text: str) -> bool:
    """Tell whether an answer goes on past its end: it holds control tokens, or begins another turn on a line."""
    return bool(_TURN.search(text))


def holds_markers(text: str) -> bool:
    """Tell whether a text holds the markers of a chat format: control tokens, or what data sets put between turns."""
    return ("<" in text or "[" in text or "##" in text) and bool(_MARKER.search(text))


def refuses(text: str) -> bool:
    """Tell whether an answer begins as a refusal, in Chinese or English."""
    return bool(_REFUSAL.search(text[:OPENING]))


def asks(text: str) -> bool:
    """Tell whether a text speaks as a user does: it begins by asking for something, or ends as a question."""
    return bool(_ASKING.search(text.strip()))
