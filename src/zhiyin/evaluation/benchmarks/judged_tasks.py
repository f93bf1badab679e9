"""The questions that document 003 has judged: eight tasks of ten, and two of our own where it left a gap."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.own_tasks import NUMBERS, TALKS
from zhiyin.execution.config import InputPath
from zhiyin.records.conversation import Message, Role
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

FILES = {
    "01qa": "知识问答",
    "02translate": "翻译",
    "03generate": "文本生成",
    "04analyse": "情感分析",
    "05understanding": "阅读理解",
    "06chinese": "中文特色",
    "07code": "代码生成",
    "08alignment": "伦理、拒答类",
}
"""File to task, as the table of the document calls it."""
OWN = {"09numbers": ("数学推理", NUMBERS), "10talks": ("多轮对话", TALKS)}
ROLES: tuple[Role, ...] = ("user", "assistant")
QUESTIONS = 10
"""In each task."""


class JudgedTasks(Benchmark):
    """DreamerGPT's `test_data`, each file a JSON list of ten texts, and our own questions after them.

    The answers have no right or wrong here: they go on to the step `judge`. What is marked is their length in
    `characters`, and whether they ended by themselves (`stopped`). Source: document 003, items 003-15 and U16.
    """

    folder: InputPath | None = None
    """The eight files, `01qa.json` to `08alignment.json`; without them, our own two tasks are asked alone."""
    own: bool = True
    """Ask our own two tasks, too; the document's protocol does not."""
    limit_per_task: int | None = Field(default=None, ge=1)
    """Ask only the first questions of each task, this many."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.folder is None and not self.own:
            raise ValueError("without `folder` and without `own` there is nothing to ask")
        return self

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield the questions, task by task; ids are `file/number from 0`."""
        if self.folder is not None:
            for name, task in FILES.items():
                for number, text in enumerate(_read(self.folder / f"{name}.json")[: self.limit_per_task]):
                    yield Prompt(f"{name}/{number}", messages=(Message("user", text),), group=task)
        if self.own:
            for name, (task, questions) in OWN.items():
                for number, question in enumerate(questions[: self.limit_per_task]):
                    turns = tuple(Message(ROLES[place % 2], text) for place, text in enumerate(question.turns))
                    yield Prompt(f"{name}/{number}", messages=turns, reference=question.reference, group=task)

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `characters` and `stopped`; raises `ValueError` where nothing was generated."""
        if not completion.stopped and not completion.text:
            raise ValueError(f"prompt {prompt.id}: nothing was generated; answer it again")
        length, ended = float(len(completion.text)), float(completion.stopped == "stop")
        yield Mark(prompt.id, "characters", length, extracted=completion.text, group=prompt.group)
        yield Mark(prompt.id, "stopped", ended, extracted=completion.stopped, group=prompt.group)


def _read(file: Path) -> list[str]:
    """Read one task; raises `ValueError` for anything but a JSON list of ten texts."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: the tasks are {', '.join(f'{name}.json' for name in FILES)}")
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{file}: not JSON: {error}") from error
    if not isinstance(found, list) or not all(isinstance(text, str) and text.strip() for text in found):
        raise ValueError(f"{file}: expected a list of texts")
    if len(found) != QUESTIONS:
        raise ValueError(f"{file}: {len(found)} questions, but a task has {QUESTIONS}: its points would not add to 100")
    return found
