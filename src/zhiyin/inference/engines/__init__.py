"""The family of engines. A member opens a model and answers prompts with it, in batches.

Example, `engines/parrot.py`:

    class Parrot(Engine):
        def open(self, model, *, template, dtype, runtime, keep=None):
            return ParrotSession()

    class ParrotSession(Session):
        def generate(self, questions, sampling, advance):
            return [Completion(q.prompt.id, text=q.prompt.messages[-1].content, stopped="stop") for q in questions]
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

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

    reads_model: ClassVar[bool] = True
    """`open` needs a model of the recipe; one that asks a server takes none."""

    @abstractmethod
    def open(
        self,
        model: Path | Checkpoint | Adapter | None,
        *,
        template: Template | None,
        dtype: Dtype,
        runtime: Runtime,
        keep: Path | None = None,
    ) -> Session:
        """Load the model once; `template` None takes the one named in the model's folder.

        What is dear may be kept in the folder `keep`, and is found there again after a kill.
        """

    def forecast(self, prompts: Sequence[Prompt], max_new_tokens: int) -> Iterable[str]:
        """Say, in the reader's language, what it takes to ask these prompts; nothing where that costs nothing."""
        return ()


AnyEngine = Annotated[SerializeAsAny[Engine], choice(Engine)]
