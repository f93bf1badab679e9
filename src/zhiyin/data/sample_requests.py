"""Write the questions that a model answers several times, for preferences among its own answers."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from zhiyin.artifacts import ConversationSet, PreferenceSet, PromptSet
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Message
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Prompt


class Config(StepConfig):
    """How often each question is answered."""

    samples: int = Field(default=5, ge=2)
    """Answers to each question; `answer` draws each from a stream of its own under its seed."""


def sample_requests(
    config: Config, *, out: Path, runtime: Runtime, records: ConversationSet | PreferenceSet
) -> PromptSet:
    """Write the turns up to the last question of each record, once where several records ask the same.

    Next: `answer` with a temperature above 0, `reward` or a judge, and `sample_preferences`. Raises `ValueError` for a
    record without a question. Source: system 004's `decode.py`, which draws one answer under each of five seeds.
    """
    return PromptSet.write(out, _questions(config, records))


def _questions(config: Config, records: ConversationSet | PreferenceSet) -> Iterator[Prompt]:
    seen: set[tuple[Message, ...]] = set()
    for record in records:
        turns = record.prompt if isinstance(record, Preference) else record.messages
        last = max((place for place, turn in enumerate(turns) if turn.role == "user"), default=-1)
        if last < 0:
            raise ValueError(f"{records.path}: record {record.id} has no user turn to answer")
        asked = turns[: last + 1]
        if asked not in seen:
            seen.add(asked)
            yield Prompt(record.id, messages=asked, group=record.kind, samples=config.samples)
