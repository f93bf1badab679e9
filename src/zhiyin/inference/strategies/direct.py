"""Ask the prompt itself, once."""

from zhiyin.inference.strategies import Rounds, Strategy
from zhiyin.records.prompt import Prompt


class Direct(Strategy):
    """The model's first answer is the answer."""

    def answer(self, prompt: Prompt) -> Rounds:
        """See `Strategy`."""
        (completion,) = yield (prompt,)
        return completion
