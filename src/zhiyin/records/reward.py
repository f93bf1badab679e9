"""What a reward model, or a judge, gives for an answer."""

from msgspec import Struct


class Reward(Struct, frozen=True, forbid_unknown_fields=True):
    """The reward of one answer; only the order of two answers to one prompt means anything."""

    prompt_id: str
    sample: int
    """Which of the answers to that prompt."""
    score: float
