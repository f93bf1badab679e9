"""How an endpoint is reached: its key, how much is asked of it at once, how patiently, and at what price."""

import os

from pydantic import Field

from zhiyin.execution.config import Config


class Access(Config):
    """How an endpoint is reached. None of it changes an answer, so none of it is identity or kept in a manifest."""

    key_variable: str = ""
    """The environment variable that holds the API key; empty for a server that asks for none."""
    concurrency: int = Field(default=8, ge=1)
    """Requests under way at once."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds that one reply may take, from first to last byte."""
    attempts: int = Field(default=6, ge=1)
    """How often a request is sent before the run gives up; replies so far are kept."""
    backoff: float = Field(default=1.0, ge=0)
    """Seconds of the first pause; it doubles with each failure, and is drawn between half of that and all of it."""
    longest_pause: float = Field(default=60.0, ge=0)
    """Longest pause in seconds; a server that asks for more (Retry-After) ends the run."""
    input_price: float = Field(default=0.0, ge=0)
    """Price of a million prompt tokens, in a currency of your own, for the estimate before the run."""
    output_price: float = Field(default=0.0, ge=0)
    """Price of a million generated tokens."""

    def cost(self, prompt_tokens: float, tokens: float) -> float:
        """Return the price of that many tokens."""
        return (prompt_tokens * self.input_price + tokens * self.output_price) / 1e6

    def key(self) -> str:
        """Return the key; raises `ValueError` when the variable that should hold it is not set."""
        if not self.key_variable:
            return ""
        if not (key := os.environ.get(self.key_variable, "").strip()):
            raise ValueError(
                f"the environment variable {self.key_variable} is not set, and it should hold the key of the endpoint"
            )
        return key
