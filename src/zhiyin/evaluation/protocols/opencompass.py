r"""The perplexity protocol of OpenCompass: four whole texts, one for each answer; the least surprising one wins.

Configs `cmmlu_ppl_8b9c76`, `ceval_ppl_578f8d` and `mmlu_ppl_ac766d`, for a model without a meta template; they fix five
shots, the first of dev, and average over subjects. The rounds are joined as its `LMTemplateParser` joins them: a line
break between parts, and a part that is itself a line break behind each shot and behind all of them, so three breaks
follow a shot and five the last one. Contents are put in by `safe_format`, one name after the other over the whole
text: a literal `{A}` in a question, as LaTeX writes it, becomes the text of option A. That fault is kept.

A text's loss is the sum over its tokens divided by their number, BOS among them (`HuggingFace.get_ppl`). A template
without BOS is scored from EOS here, where OpenCompass leaves the first token, which all four share, unscored.
"""

from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.protocols.item import Item, Protocol
from zhiyin.evaluation.questions import Question
from zhiyin.records.prompt import Prompt

_OPTIONS = "\nA. {A}\nB. {B}\nC. {C}\nD. {D}"
ROUNDS = {
    "cmmlu": (
        "以下是关于{subject}的单项选择题，请直接给出正确答案的选项。\n题目：{question}" + _OPTIONS,
        "答案是: ",
    ),
    "ceval": (
        "以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n{question}" + _OPTIONS + "\n答案: ",
        "",
    ),
}
"""What HUMAN says, and what BOT says in front of its letter."""
HINT = "The following are multiple choice questions (with answers) about  {subject}.\n\n"
PLAIN = "{question}" + _OPTIONS + "\nAnswer: "


def prompt(item: Item, chat: bool) -> Prompt:
    """Return four choices after an empty text, each the whole text with one letter at its end."""
    write = _plain if item.exam == "mmlu" else _rounds
    return item.raw("", tuple(write(item, letter) for letter in LETTERS))


def rank(total: float, tokens: int) -> float:
    """Return the mean log-probability that a text is ranked by; `tokens` are those scored, all but BOS."""
    return total / (tokens + 1)


def _rounds(item: Item, letter: str) -> str:
    human, bot = (part.replace("{subject}", item.subject) for part in ROUNDS[item.exam])
    shots = [f"{_filled(human, shot)}\n{bot}{shot.answer}\n\n" for shot in item.shots]
    front = "\n".join(shots) + "\n\n\n" if shots else "\n\n"
    return _filled(f"{front}{human}\n{bot}{letter}", item.question)


def _plain(item: Item, letter: str) -> str:
    hint = HINT.replace("{subject}", item.subject)
    shots = "\n".join(f"{_filled(PLAIN, shot)}{shot.answer}\n" for shot in item.shots)
    return _filled(f"{hint}{shots}\n{PLAIN}{letter}", item.question)


def _filled(text: str, question: Question) -> str:
    text = text.replace("{question}", question.text)
    for letter, option in zip(LETTERS, question.options, strict=True):
        text = text.replace(f"{{{letter}}}", option)
    return text


PROTOCOL = Protocol(
    prompt,
    forms=(False,),
    average={"cmmlu": "macro", "ceval": "macro", "mmlu": "macro"},
    whole_texts=True,
)
