"""Arena-Hard: hard questions of real users. A judge compares each answer with a baseline's afterwards, both ways."""

from collections.abc import Iterator

from pydantic import Field

from zhiyin.evaluation.arena_hard import Answer, read_answers, read_questions
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.win_rate_marks import length_and_end
from zhiyin.execution.config import InputPath
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

BASELINES = {
    "arena-hard-v0.1": "gpt-4-0314",
    "hard_prompt": "o3-mini-2025-01-31",
    "creative_writing": "gemini-2.0-flash-001",
}
"""The published baseline of each category."""


class ArenaHard(Benchmark):
    """The questions of lmarena/arena-hard-auto, v0.1 (500) or v2.0 (750), asked in one user turn each.

    The category's baseline is named in `meta["baseline"]`; where its answers are given, they are the references that
    `win_rate` compares with. Groups are the categories: their baselines differ, so v2 has no figure for the whole.
    """

    file: InputPath
    """The benchmark's `question.jsonl`."""
    baselines: tuple[InputPath, ...] = ()
    """The baselines' `model_answer/<model>.jsonl`; needed where the judge is asked here."""
    limit: int | None = Field(default=None, ge=1)
    """Ask the first questions only, this many."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield the questions in the order of the file, under their own ids.

        Raises `ValueError` for an unknown category, or when baselines are given and one has no answer to a question.
        """
        answers: dict[str, dict[str, Answer]] = {}
        for file in self.baselines:
            for one in read_answers(file):
                answers.setdefault(one.model, {})[one.uid] = one
        for question in read_questions(self.file)[: self.limit]:
            if question.category not in BASELINES:
                raise ValueError(f"{self.file}: question {question.uid}: unknown category {question.category!r}")
            baseline = BASELINES[question.category]
            answer = answers.get(baseline, {}).get(question.uid)
            if self.baselines and answer is None:
                raise ValueError(
                    f"question {question.uid} ({question.category}): no answer of {baseline}; the files given hold "
                    f"answers of {', '.join(sorted(answers))}"
                )
            yield Prompt(
                id=question.uid,
                messages=(Message("user", question.prompt),),
                reference=answer.text if answer else "",
                group=question.category,
                meta={"topic": question.cluster or question.subcategory, "baseline": baseline},
            )

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `characters`, the length of the answer, and `stopped`."""
        yield from length_and_end(prompt, completion)
