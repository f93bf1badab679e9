"""The protocol of LLaMA-Factory 0.9.5 (`eval/template.py`, `eval/evaluator.py`), in its `zh` form for Chinese exams.

One header for C-Eval and CMMLU alike, in front of the first user turn; shots are turns; the bare letter is the first
token of the assistant's turn; the average is over questions. As raw text it is `template: fewshot`: the turns follow
each other without BOS. The tool encodes every turn by itself, and a raw prompt here is one text: the ids are the same
for the Chinese exams and Llama-3's tokenizer, but `:A` is one token of it, so `fewshot` is for Chinese wording alone.
Chat turns give the same ids, but for those with blanks at their ends (7 % of MMLU's 5-shot prompts, none of the Chinese
exams'), which our templates strip as the models' own do, and the tool does not.

The shots are drawn anew for each question, so questions share no prefix beyond the header, and five-shot costs what it
says: `dataset["train"].shuffle()` without a seed takes its seed from numpy's global state, which `set_seed(42)` made.
`fixed_shots: true` departs from the tool: the first examples stand in front of every question.
"""

from collections.abc import Sequence

from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.protocols.item import Item, Protocol, Wording, turns
from zhiyin.records.prompt import Prompt

SEED = 42
"""The tool's default `seed`."""
_CHINESE = Wording("以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n\n", "", "\n答案：")
_ENGLISH = Wording("The following are multiple choice questions (with answers) about {subject}.\n\n", "", "\nAnswer:")
WORDINGS = {"cmmlu": _CHINESE, "ceval": _CHINESE, "mmlu": _ENGLISH}
# Its `mapping.json` lists the subjects by name, but for these two of CMMLU, which follow another one.
_MOVED = {
    "clinical_knowledge": "college_medical_statistics",
    "electrical_engineering": "elementary_information_and_technology",
}


def prompt(item: Item, chat: bool) -> Prompt:
    """Return turns for the model's template, or the text of `template: fewshot`; both score the bare letters."""
    wording = WORDINGS[item.exam]
    if chat:
        return item.chat(turns(item, wording.form, wording.head(item.subject)), LETTERS)
    return item.raw(wording.text(item), LETTERS, add_bos=False)


def order(exam: str, subjects: Sequence[str]) -> list[str]:
    """Return the subjects in the order in which the tool asks them, which the draw of shots depends on."""
    moved = _MOVED if exam == "cmmlu" else {}
    return sorted(subjects, key=lambda name: (moved.get(name, name), name in moved))


class Draws:
    """The shots of one question after another, as the tool's run draws them from its first question on.

    Source: `Dataset.shuffle` of datasets 4.0.0. Its seed is the next word of numpy's Mersenne twister, which then
    steps by one float, that is two words; a PCG64 of that seed permutes the examples.
    """

    def __init__(self, seed: int = SEED) -> None:
        import numpy as np

        self._state = np.random.RandomState(seed)

    def skip(self, questions: int) -> None:
        """Go past that many questions."""
        self._state.random_sample(questions)

    def next(self, examples: int) -> list[int]:
        """Return the order in which this question's shots stand: a permutation of 0 to `examples` - 1."""
        import numpy as np

        state = self._state.get_state(legacy=False)["state"]
        words, place = state["key"], state["pos"]
        seed = int(words[place] if place < len(words) else words[0])
        self.skip(1)
        return [int(index) for index in np.random.default_rng(seed).permutation(examples)]


PROTOCOL = Protocol(
    prompt, forms=(True, False), average={"cmmlu": "micro", "ceval": "micro", "mmlu": "micro"}, shuffles=True
)
