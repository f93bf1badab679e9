"""The family of strategies. A member decides what a model is asked, one prompt at a time, to answer that prompt.

Its `answer` is a generator: it yields the questions of one round and is sent the completions to them; what it returns
is the answer. It never sees the model, nor the other prompts, whose rounds are asked in the same batch.

Example, `strategies/self_verification.py`:

    class SelfVerification(Strategy):
        def answer(self, prompt):
            (first,) = yield (prompt,)
            (second,) = yield (checking(prompt, first.text),)
            return structs.replace(second, trace=first.text)
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from typing import Annotated

from pydantic import SerializeAsAny

from zhiyin.execution.catalog import Plugin, choice
from zhiyin.records.prompt import Completion, Prompt

Rounds = Generator[Sequence[Prompt], Sequence[Completion], Completion]


class Strategy(Plugin, ABC):
    """One way to come to an answer."""

    @abstractmethod
    def answer(self, prompt: Prompt) -> Rounds:
        """Yield questions (with `choices`, they are scored, else generated), read the completions, return the answer.

        What happened on the way goes into its `trace`. Its `prompt_id` and `sample` are set by the caller.
        """


AnyStrategy = Annotated[SerializeAsAny[Strategy], choice(Strategy)]
