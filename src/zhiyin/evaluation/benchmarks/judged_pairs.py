"""Two systems before a judge, in both orders: which answer is better."""

from collections.abc import Iterator

from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.evaluation.judge_reply import verdict_in
from zhiyin.evaluation.judging import Answered, Judging, item, listed, orders, placed
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

FORM = """请作为公正的评审，比较两个助手对同一问题的回答，判断哪一个更好。\
请看回答是否正确、是否切题、是否有用、语言是否通顺；回答的先后和长短都不应影响判断。\
请先用几句话说明理由，最后单独一行给出结论：甲更好写 [[A]]，乙更好写 [[B]]，不相上下写 [[C]]。

【问题】
{question}

【甲的回答】
{first}

【乙的回答】
{second}"""


class JudgedPairs(Judging, Benchmark):
    """Every question is judged in both orders, so that a liking for one place cancels out.

    Marks are `win/<system>`: 1, 0.5 for a draw, 0; the games of a question are averaged into one item. A verdict that
    cannot be read is unanswered and a loss for both. The wording is our own; the verdicts are MT-Bench's (Zheng et al.
    2023, arXiv 2306.05685, figure 5).
    """

    def ask(self, one: Answered) -> Iterator[Prompt]:
        """Yield two prompts for each repeat; raises `ValueError` unless there are two systems."""
        if len(one.answers) != 2:
            raise ValueError(f"question {one.id}: pairs are judged, but {len(one.answers)} systems answered")
        for turn, (first, second) in enumerate(orders(one, self.seed, self.repeats)):
            # The orders of further repeats turn round: the two games of each repeat are the same two.
            for game, (left, right) in enumerate(((first, second), (second, first))):
                text = FORM.format(question=one.question, first=one.answers[left], second=one.answers[right])
                yield placed(one, text, [left, right], 2 * turn + game)

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `win/<system>` for both systems."""
        verdict = verdict_in(completion.text)
        left, right = listed(prompt, "order")
        said = {"A": left, "B": right, "C": "draw", None: None}[verdict]
        for name in listed(prompt, "systems"):
            value = 0.5 if verdict == "C" else float(said == name)
            yield Mark(item(prompt), f"win/{name}", value, extracted=said, group=prompt.group)
