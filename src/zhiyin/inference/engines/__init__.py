"""The family of engines. A member opens a model and answers prompts with it, in batches.

Example, `engines/parrot.py`:

    class Parrot(Engine):
        def open(self, model, *, template, dtype, runtime):
            return ParrotSession()

    class ParrotSession(Session):
        def generate(self, questions, sampling, advance):
            return [Completion(q.prompt.id, text=q.prompt.messages[-1].content, stopped="stop") for q in questions]
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import SerializeAsAny

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.chat.templates import Template
from zhiyin.execution.catalog import Plugin, choice
from zhiyin.execution.runtime import Runtime
from zhiyin.inference.sampling import Sampling
from zhiyin.records.prompt import Completion, Prompt

Advance = Callable[[int], None]
"""Told how many prompts were finished since its last call."""

Dtype = Literal["float32", "bfloat16"]


class Question(Struct, frozen=True):
    """A prompt to be answered once."""

    prompt: Prompt
    stream: str
    """Names its random numbers: the same name and seed draw the same answer, whatever else is asked."""


class Session(ABC):
    """An opened model. Answers come in the order of the questions, with `sample` left at 0."""

    template: str
    """The name of the chat template that renders messages."""

    @abstractmethod
    def generate(self, questions: Sequence[Question], sampling: Sampling, advance: Advance) -> list[Completion]:
        """Answer each question in text; its `choices` are not looked at."""

    @abstractmethod
    def score(self, prompts: Sequence[Prompt], advance: Advance) -> list[Completion]:
        """Give the log-probability of every choice of each prompt."""

    @abstractmethod
    def stream(self, question: Question, sampling: Sampling) -> Generator[str, None, Completion]:
        """Yield what `generate` answers, piece by piece and never half a character, then return the completion."""


class Engine(Plugin, ABC):
    """One way to run a model."""

    @abstractmethod
    def open(
        self, model: Path | Checkpoint | Adapter, *, template: Template | None, dtype: Dtype, runtime: Runtime
    ) -> Session:
        """Load the model once; `template` None takes the one named in the model's folder."""


AnyEngine = Annotated[SerializeAsAny[Engine], choice(Engine)]
