"""The protocols of the exams' own authors.

CMMLU: `src/mp_utils.py` and `src/hf_causal_model.py` of haonan-li/CMMLU; the average is over subjects. C-Eval: the
prompt of its README (`code/evaluator_series` writes the subject's file name where the README has the Chinese name,
and its zero-shot path fails); the website averages over subjects. MMLU: `evaluate.py` of hendrycks/test, whose header
has two blanks in front of the subject, and which scores ` A` and averages over questions.

A raw prompt with the tokenizer's default BOS and no chat template; the first shots of dev. The scripts drop the longest
shots of a prompt above 2,048 tokens; here nothing is dropped, and a prompt that a model cannot hold is counted.
"""

from zhiyin.evaluation.protocols.item import Item, Protocol, Wording
from zhiyin.records.prompt import Prompt

WORDINGS = {
    "cmmlu": Wording("以下是关于{subject}的单项选择题，请直接给出正确答案的选项。\n\n", "题目：", "\n答案是："),
    "ceval": Wording("以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n\n", "", "\n答案："),
    "mmlu": Wording(
        "The following are multiple choice questions (with answers) about  {subject}.\n\n", "", "\nAnswer:", " "
    ),
}


def prompt(item: Item, chat: bool) -> Prompt:
    """Return the raw prompt and the four letters, as they stand in the shots."""
    wording = WORDINGS[item.exam]
    return item.raw(wording.text(item), wording.choices())


PROTOCOL = Protocol(prompt, forms=(False,), average={"cmmlu": "macro", "ceval": "macro", "mmlu": "micro"})
