"""The family of benchmarks. A member writes prompts, and marks the answers to them.

Example, `benchmarks/generated_exam.py`:

    class GeneratedExam(Benchmark):
        needs: ClassVar = (ConversationSet,)

        def prompts(self, records):
            ...

        def marks(self, prompt, completion, reference=None):
            yield Mark(prompt.id, "accuracy", float(...), extracted=..., group=prompt.group)
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import SerializeAsAny

from zhiyin.artifacts import ConversationSet, PreferenceSet, PromptSet, TextSet
from zhiyin.execution.catalog import Plugin, choice, make
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

Records = TextSet | ConversationSet | PreferenceSet


class Benchmark(Plugin, ABC):
    """One benchmark under one protocol. Marking needs only the prompt and the answer, never the model."""

    needs: ClassVar[tuple[type[Records], ...]] = ()
    """The record sets `prompts` reads; empty for a benchmark that reads its own files."""
    needs_reference: ClassVar[bool] = False
    """Marks also need the reference model's answers to the same prompts."""
    partial: ClassVar[frozenset[str]] = frozenset()
    """Measures that only some answers have, such as a length over the answers that could be read."""
    chance: float | None = None
    """The accuracy of guessing, where that has a meaning."""

    @property
    def average(self) -> Literal["micro", "macro"]:
        """Mean over items, or over groups (subjects)."""
        return "micro"

    @abstractmethod
    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield every prompt, in a fixed order, with unique ids."""

    @abstractmethod
    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield one mark for each measure of this answer."""


def prepared_with(prompts: PromptSet) -> Benchmark:
    """Return the benchmark that wrote the prompts. Its own files may be gone: marking does not read them."""
    found: Benchmark = make(Benchmark, prompts.manifest.config["benchmark"], context={"recorded": True})
    return found


AnyBenchmark = Annotated[SerializeAsAny[Benchmark], choice(Benchmark)]
