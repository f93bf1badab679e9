"""All facts, by kind."""

from functools import cache

from zhiyin.data.generator import almanac, figures, geography, language, sums
from zhiyin.data.generator.fact import Fact, Kind, Part


@cache
def kinds() -> tuple[Kind, ...]:
    """Return every kind; making the facts takes some tens of milliseconds, once."""
    return (*geography.kinds(), *almanac.kinds(), *figures.kinds(), *sums.kinds(), *language.kinds())


def facts(part: Part) -> dict[str, list[Fact]]:
    """Return the facts of one side, by kind."""
    return {kind.name: [fact for fact in kind.facts if fact.part == part] for kind in kinds()}
