"""The log-probabilities a model gave to a prompt's choices, checked before anything is made of them."""

import math

from zhiyin.records.prompt import Completion, Prompt


def logprobs(prompt: Prompt, completion: Completion) -> tuple[float, ...]:
    """Return the log-probabilities of the prompt's choices; empty when there is no answer.

    Raises `ValueError` when there is one for some choices only, or a number that is not finite.
    """
    given = completion.choice_logprobs
    if given and len(given) != len(prompt.choices):
        raise ValueError(f"prompt {prompt.id}: {len(prompt.choices)} choices, but {len(given)} log-probabilities")
    if not all(map(math.isfinite, given)):
        raise ValueError(f"prompt {prompt.id}: log-probabilities must be finite, not {given}")
    return given
