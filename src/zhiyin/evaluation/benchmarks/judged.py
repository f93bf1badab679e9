"""Several systems in one prompt, each scored from 0 to 10 by a judge: the evaluation of document 003."""

from collections.abc import Iterator

from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.evaluation.judge_reply import MOST, scores_in
from zhiyin.evaluation.judging import Answered, Judging, by_system, item, listed, orders, placed
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

COUNTS = "一两三四五六七八九十"


class Judged(Judging, Benchmark):
    """The judge's prompt of DreamerGPT, with as many systems as there are.

    Its slots are `xxxx。`, so the full stop follows each text whatever it ends with. Marks are `score/<system>`, from 0
    to 10; a score that cannot be read is unanswered and counts as 0. With ten questions, a task has 100 points.
    Source: document 003 of the specification, item 003-17.
    """

    def ask(self, one: Answered) -> Iterator[Prompt]:
        """Yield a prompt for each repeat. Raises `ValueError` for more systems than the prompt's wording can count."""
        if not 1 <= len(one.answers) <= len(COUNTS):
            raise ValueError(f"question {one.id}: 1 to {len(COUNTS)} systems can be judged, not {len(one.answers)}")
        for number, order in enumerate(orders(one, self.seed, self.repeats)):
            yield placed(one, _form(one, order), order, number)

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `score/<system>` for every system, in the order they were named in."""
        found = by_system(prompt, scores_in(completion.text, len(listed(prompt, "order"))))
        for name, score in found.items():
            said = None if score is None else f"{score:g}"
            yield Mark(item(prompt), f"score/{name}", score or 0.0, extracted=said, group=prompt.group)


def _form(one: Answered, order: list[str]) -> str:
    """Return the judge's prompt, byte for byte that of document 003 for five systems."""
    systems = "\n".join(f"System{place}:{one.answers[name]}。" for place, name in enumerate(order, start=1))
    return (
        f"以下是{COUNTS[len(order) - 1]}个类似 ChatGPT 的系统的输出。"
        f"请以 {MOST} 分制为每一项打分，并给出解释以证明您的分数。输出结果格式为：System 分数；System 解释。\n"
        f"Prompt:{one.question}。\n答案：\n{systems}"
    )
