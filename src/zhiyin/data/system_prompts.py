"""Give exact shares of the conversations a system prompt: none, one of a fixed list, or one written for it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct
from pydantic import Field, model_validator

from zhiyin.artifacts import CompletionSet, ConversationSet, PromptSet
from zhiyin.data.fixed_prompts import FIXED_PROMPTS
from zhiyin.data.rows import BadRow
from zhiyin.data.sampling import apportion, rank
from zhiyin.data.system_prompt_replies import prompt_in
from zhiyin.data.system_prompt_requests import has_own, how_many
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.prompt import Completion

FALLBACKS = "fallbacks.jsonl"
"""The replies that were no system prompts, by the id of the record that got a fixed one instead."""


class Config(StepConfig):
    """The shares. Dynamic prompts go to the conversations they were requested for."""

    none: float = Field(default=0.2, ge=0, le=1)
    """Share of the conversations that get no system prompt."""
    fixed: float | None = Field(default=None, ge=0, le=1)
    """Share that gets one of the fixed prompts, each equally often; by default all that `none` and requests leave."""
    max_characters: int = Field(default=400, ge=1)
    """A dynamic prompt longer than this is not taken."""
    seed: int = 0
    """Another seed gives the prompts to other conversations."""

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if self.none + (self.fixed or 0) > 1 + 1e-6:
            raise ValueError(f"none {self.none:g} and fixed {self.fixed:g} add to more than 1")
        return self

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact] | None:
        """Check that requests and replies come together, and that shares add to 1 where there are none."""
        if ("requests" in inputs) != ("completions" in inputs):
            raise ValueError("give `requests` and `completions` together, or neither: what was asked, and the replies")
        if "requests" not in inputs and self.fixed is not None:
            apportion({"none": self.none, "fixed": self.fixed}, 1)
        return ConversationSet


class _Replies(Struct, frozen=True):
    """The prompts that were written, and why others were not taken."""

    prompts: dict[str, str]
    refused: dict[str, Rejected]


def system_prompts(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    records: ConversationSet,
    requests: PromptSet | None = None,
    completions: CompletionSet | None = None,
) -> ConversationSet:
    """Write the conversations in their order, with their system prompts.

    Shares are of the conversations without a system turn of their own; one that has one keeps it. Who gets which is
    told by a hash of seed and id, never by position. A dynamic prompt goes to the record whose id its request bears;
    where the reply is missing or no system prompt, the record gets a fixed one, and the reply stands in
    `fallbacks.jsonl` with the reason. The summary counts `none`, `fixed`, `dynamic`, `own`, and the `fallbacks` among
    the fixed. Source: system 002 of the specification, items 002-16 to 002-20, which assigned by position.
    """
    replies = _read(config, records, requests, completions)
    prompts = _assign(config, records, replies)
    ways = ("none", "fixed", "own") if requests is None else ("none", "fixed", "dynamic", "own")
    given = Counter(dict.fromkeys(ways, 0))

    def with_prompts() -> Iterator[Conversation]:
        for record in records:
            prompt = prompts.get(record.id)
            if has_own(record):
                given["own"] += 1
            elif prompt is None:
                given["none"] += 1
            else:
                given["dynamic" if record.id in replies.prompts else "fixed"] += 1
            yield record if prompt is None else _with_system(record, prompt)

    made = ConversationSet.write(out, with_prompts())
    facts = {**made.summary, "system_prompts": dict(given)}
    if requests is not None:
        jsonl.write(out / FALLBACKS, replies.refused.values())
        facts["fallbacks"] = dict(Counter(row.reason for row in replies.refused.values()).most_common())
    return ConversationSet(out, facts)


def _read(
    config: Config, records: ConversationSet, requests: PromptSet | None, completions: CompletionSet | None
) -> _Replies:
    """Read the reply to each request; raises `ValueError` for a request or a reply that belongs to no record."""
    if requests is None or completions is None:
        return _Replies({}, {})
    asked = {prompt.id for prompt in requests}
    found: dict[str, Completion] = {}
    for completion in completions.of(requests):
        if completion.prompt_id not in asked or completion.prompt_id in found:
            raise ValueError(
                f"{completions.path}: {completion.prompt_id} has more than one reply, or no request; "
                "answer the requests again, each of them once"
            )
        found[completion.prompt_id] = completion
    prompts, refused = dict[str, str](), dict[str, Rejected]()
    for record in records:
        if record.id in asked and not has_own(record):
            asked.remove(record.id)
            reply = found.get(record.id)
            try:
                prompts[record.id] = prompt_in(reply, record, config.max_characters)
            except BadRow as error:
                refused[record.id] = Rejected(record.id, str(error), reply.text if reply else "")
    if asked:
        raise ValueError(
            f"{requests.path}: {len(asked)} requests are for records that {records.path} does not have, or that have a "
            f"system turn; first {min(asked)}. Write the requests from this very set"
        )
    return _Replies(prompts, refused)


def _assign(config: Config, records: ConversationSet, replies: _Replies) -> dict[str, str]:
    """Return the prompt of each conversation that gets one, by id."""
    ids = [record.id for record in records if not has_own(record)]
    ids.sort(key=lambda key: (rank(config.seed, "system", key), key))
    free = [key for key in ids if key not in replies.prompts and key not in replies.refused]
    none = how_many(config.none, len(ids))
    if none > len(free):
        raise ValueError(
            f"{len(ids) - len(free)} of {len(ids)} records have requests, so {none} cannot be left without a prompt"
        )
    fixed = len(free) - none
    # Each of the three shares is rounded by itself, which moves the last one by two records at most.
    if config.fixed is not None and abs(fixed - config.fixed * len(ids)) > 2:
        raise ValueError(
            f"fixed is {config.fixed:g}, but {none} without a prompt and {len(ids) - len(free)} requests leave {fixed} "
            f"of {len(ids)} records; change `fixed`, or the `share` of the requests"
        )
    taken = {*free[:fixed], *replies.refused}
    in_turn = (key for key in ids if key in taken)
    return {key: FIXED_PROMPTS[place % len(FIXED_PROMPTS)] for place, key in enumerate(in_turn)} | replies.prompts


def _with_system(record: Conversation, prompt: str) -> Conversation:
    return msgspec.structs.replace(record, messages=(Message("system", prompt), *record.messages))
