"""What preference optimisation learns from, in TRL's words."""

from msgspec import Struct

from zhiyin.records.conversation import Message, Meta


class Preference(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A prompt with a better and a worse answer."""

    id: str
    prompt: tuple[Message, ...]
    """Ends with a user turn."""
    chosen: str
    rejected: str
    source: str
    kind: str = ""
    meta: Meta = {}
