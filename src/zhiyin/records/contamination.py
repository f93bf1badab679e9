"""Where a record quotes a question that a benchmark asks."""

from typing import Literal

from msgspec import Struct

Rule = Literal["13 characters", "50 characters", "whole question"]
"""A window of 13 characters with at least 5 Chinese ones, a window of 50 of any kind, or the whole of a question."""


class Hit(Struct, frozen=True, forbid_unknown_fields=True):
    """One question found in one record. Both texts are there, so that a reader can judge whether it is a quotation."""

    record_id: str
    prompts: str
    """The name of the prompt set."""
    prompt_id: str
    rule: Rule
    shared: str
    """The longest run of characters that both have, in the record's spelling."""
    record_text: str
    prompt_text: str
    """The question, with its options where it cannot be told without them."""
    records: str = ""
    """The name of the record set, where several were searched."""
