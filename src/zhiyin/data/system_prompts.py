"""Give exact shares of the conversations a system prompt: none, or one of a fixed list."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec
from pydantic import Field, model_validator

from zhiyin.artifacts import ConversationSet
from zhiyin.data.fixed_prompts import FIXED_PROMPTS
from zhiyin.data.sampling import apportion, rank
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Message


class Config(StepConfig):
    """The shares; they add to 1."""

    none: float = Field(default=0.2, ge=0, le=1)
    """Share of the conversations that get no system prompt."""
    fixed: float = Field(default=0.8, ge=0, le=1)
    """Share of the conversations that get one of the fixed prompts, each prompt equally often."""
    seed: int = 0
    """Another seed gives the prompts to other conversations."""

    @model_validator(mode="after")
    def _add_to_one(self) -> Self:
        apportion(self.shares, 1)
        return self

    @property
    def shares(self) -> dict[str, float]:
        """The shares by name."""
        return {"none": self.none, "fixed": self.fixed}


def system_prompts(config: Config, *, out: Path, runtime: Runtime, records: ConversationSet) -> ConversationSet:
    """Write the conversations in their order, with their system prompts.

    Shares are of the conversations without a system turn of their own; one that has one keeps it. Who gets which is
    told by a hash of seed and id, never by position. The summary counts `none`, `fixed`, and `own`.
    Source: system 002 of the specification, items 002-16 to 002-18, which assigned by position.
    """
    prompts = _assign(config, records)
    given: Counter[str] = Counter({"none": 0, "fixed": 0, "own": 0})

    def with_prompts() -> Iterator[Conversation]:
        for record in records:
            prompt = prompts.get(record.id)
            if _has_own(record):
                given["own"] += 1
            else:
                given["none" if prompt is None else "fixed"] += 1
            yield record if prompt is None else _with_system(record, prompt)

    made = ConversationSet.write(out, with_prompts())
    return ConversationSet(out, {**made.summary, "system_prompts": dict(given)})


def _assign(config: Config, records: ConversationSet) -> dict[str, str]:
    """Return the prompt of each conversation that gets one, by id."""
    ids = [record.id for record in records if not _has_own(record)]
    ids.sort(key=lambda key: (rank(config.seed, "system", key), key))
    count = apportion(config.shares, len(ids))["fixed"]
    return {key: FIXED_PROMPTS[place % len(FIXED_PROMPTS)] for place, key in enumerate(ids[:count])}


def _has_own(record: Conversation) -> bool:
    """Tell whether the conversation came with a system turn."""
    return record.messages[0].role == "system"


def _with_system(record: Conversation, prompt: str) -> Conversation:
    return msgspec.structs.replace(record, messages=(Message("system", prompt), *record.messages))
