"""The protocol of lm-eval 0.4.13: the task files of `cmmlu`, `ceval-valid` and `mmlu`.

The question is stripped, the answer is ` A` (target_delimiter), shots are the first of dev, BOS is the tokenizer's
default, and the average is over questions. C-Eval's header leaves out 考试. In chat form (`--apply_chat_template`,
whose default is several turns), the header is the system turn, and the bare letter is scored. lm-eval forces BOS on
for Gemma, whose tokenizer adds it by default anyway. A template without a system role fails there; ours folds it in.
"""

from dataclasses import replace

from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.protocols.item import Item, Protocol, Wording, turns
from zhiyin.evaluation.questions import Question
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt

WORDINGS = {
    "cmmlu": Wording("以下是关于{subject}的单项选择题，请直接给出正确答案的选项。\n\n", "", "\n答案：", " "),
    "ceval": Wording("以下是中国关于{subject}的单项选择题，请选出其中的正确答案。\n\n", "", "\n答案：", " "),
    "mmlu": Wording(
        "The following are multiple choice questions (with answers) about {subject}.\n\n", "", "\nAnswer:", " "
    ),
}


def prompt(item: Item, chat: bool) -> Prompt:
    """Return the prompt as text with ` A` to ` D`, or as turns with the bare letters."""
    wording = WORDINGS[item.exam]
    stripped = replace(item, question=_stripped(item.question), shots=tuple(map(_stripped, item.shots)))
    if not chat:
        return stripped.raw(wording.text(stripped), wording.choices())
    system = Message("system", wording.head(item.subject))
    return stripped.chat((system, *turns(stripped, wording.form)), LETTERS)


def _stripped(question: Question) -> Question:
    return question._replace(text=question.text.strip())


PROTOCOL = Protocol(prompt, forms=(False, True), average={"cmmlu": "micro", "ceval": "micro", "mmlu": "micro"})
