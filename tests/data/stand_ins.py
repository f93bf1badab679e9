"""Steps that stand in for other rooms: records from memory, and a model whose replies are given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from pydantic import Field

from zhiyin.artifacts import CompletionSet, ConversationSet, PreferenceSet, PromptSet, TextSet
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Document
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt


class Rows(StepConfig):
    """Records as JSON lines in the config itself."""

    rows: tuple[str, ...]
    """One record each."""


def conversations(config: Rows, *, out: Path, runtime: Runtime) -> ConversationSet:
    return ConversationSet.write(out, [msgspec.json.decode(row, type=Conversation) for row in config.rows])


def documents(config: Rows, *, out: Path, runtime: Runtime) -> TextSet:
    return TextSet.write(out, [msgspec.json.decode(row, type=Document) for row in config.rows])


def preferences(config: Rows, *, out: Path, runtime: Runtime) -> PreferenceSet:
    return PreferenceSet.write(out, [msgspec.json.decode(row, type=Preference) for row in config.rows])


def questions(config: Rows, *, out: Path, runtime: Runtime) -> PromptSet:
    return PromptSet.write(out, [msgspec.json.decode(row, type=Prompt) for row in config.rows])


def given(records: Sequence[Struct]) -> Step[Any]:
    """Return a step that hands over these records, all of one type."""
    verbs = {Conversation: conversations, Document: documents, Preference: preferences, Prompt: questions}
    verb: Any = verbs[type(records[0])]
    return step(verb, Rows(rows=tuple(msgspec.json.encode(record).decode() for record in records)))


class Replies(StepConfig):
    """What the stand-in says, by the id of the prompt: a text for each sample; nothing for an id that is not there."""

    replies: dict[str, tuple[str, ...]]
    """The texts."""
    stopped: dict[str, Literal["stop", "length"]] = Field(default_factory=dict)
    """Where generation ended otherwise than by a stop token."""


def reply(config: Replies, *, out: Path, runtime: Runtime, prompts: Mapping[str, PromptSet]) -> CompletionSet:
    for name, asked in prompts.items():
        found = [
            Completion(prompt.id, sample=sample, text=text, stopped=config.stopped.get(prompt.id, "stop"))
            for prompt in asked
            # No order of the samples is promised.
            for sample, text in reversed([*enumerate(config.replies.get(prompt.id, ()))])
        ]
        jsonl.write(out / f"{name}.jsonl", found)
    return CompletionSet(out)


def replied(prompts: Step[Any], replies: Mapping[str, str | Sequence[str]], **fields: Any) -> Step[CompletionSet]:
    """Return a step of those replies to a prompt set."""
    texts = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in replies.items()}
    return step(reply, Replies(replies=texts, **fields), {"prompts": {"asked": prompts}})


def made(target: Step[Any], runtime: Runtime) -> Any:
    """Return the finished artifact of a step."""
    artifacts: list[Artifact] = list(run([target], runtime))
    return next(one for one in artifacts if one.path.name == target.folder)
