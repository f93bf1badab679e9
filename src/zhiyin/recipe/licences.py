"""What `licences: commercial` on top of a recipe refuses."""

from typing import Any

from zhiyin.execution.config import StepConfig
from zhiyin.records.licence import Licence


def refusal(config: StepConfig | None) -> str | None:
    """Say why a step's source may not be used commercially, and what to do; None where it may, or there is none."""
    source: Any = getattr(config, "source", None)
    licence = getattr(source, "licence", None)
    if not isinstance(licence, Licence) or licence.commercial:
        return None
    why = "does not allow it" if licence.commercial is False else "is not known to allow it"
    own = "licence" in type(source).model_fields
    remedy = "say so in its `licence`, if it does," if own else "leave the source out,"
    return (
        f"the recipe asks for `licences: commercial`, and the licence of {source.name}, {licence.name}, {why}; "
        f"{remedy} or take `licences: commercial` away"
    )
