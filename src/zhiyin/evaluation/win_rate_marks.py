"""What of an open answer can be marked before a judge has seen it: its length, and whether it came to an end."""

from collections.abc import Iterator

from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark


def length_and_end(prompt: Prompt, completion: Completion) -> Iterator[Mark]:
    """Yield `characters`, and `stopped`: 1 when a stop token ended the answer, 0 when the limit cut it.

    An empty answer counts as unanswered. Raises `ValueError` when nothing was generated at all.
    """
    if not completion.stopped:
        raise ValueError(f"prompt {prompt.id}: no answer was generated; answer it again")
    written = completion.text if completion.text.strip() else None
    yield Mark(prompt.id, "characters", float(len(completion.text)), extracted=written, group=prompt.group)
    yield Mark(prompt.id, "stopped", float(completion.stopped == "stop"), completion.stopped, group=prompt.group)
