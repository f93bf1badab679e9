"""The sizes of source document 002's stages, and sets of those sizes: real samples, and generated rows for the rest."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from zhiyin.artifacts import ConversationSet
from zhiyin.data.collect import Config, collect
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Message

TASKS = {"translation": 20_000, "dialogue": 12_853, "story_generation": 19_048}
"""What the cap of 20,000 a task leaves of stage 2's sets: 51,901 records."""
DOMAINS = {"modern_poetry_creation": 20_000, "ancient_poetry_creation": 20_000, "classical_translation": 20_000}
"""What the cap leaves of stage 3's sets."""

# The published counts of the mixes, of the training and of the validation sets.
STAGE_2 = {"instruction": 56_000, "translation": 9_178, "story_generation": 8_792, "dialogue": 6_030}
STAGE_2_VALID = {"instruction": 700, "translation": 124, "story_generation": 111, "dialogue": 65}
STAGE_3 = {
    "instruction": 40_000,
    "translation": 9_219,
    "story_generation": 8_861,
    "dialogue": 5_920,
    "ancient_poetry_creation": 5_348,
    "classical_translation": 5_342,
    "modern_poetry_creation": 5_310,
}
STAGE_3_VALID = {
    "instruction": 500,
    "translation": 125,
    "story_generation": 110,
    "dialogue": 65,
    "ancient_poetry_creation": 70,
    "classical_translation": 56,
    "modern_poetry_creation": 74,
}

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "gemmalm_chinese_valid"


def real(stage: int, out: Path) -> list[Conversation]:
    """Return the 1,000 real records of a stage; none where the real data is not."""
    if not SAMPLES.is_dir():
        return []
    fields = {"name": "gemmalm_chinese", "files": [SAMPLES / f"stage{stage}_raw_valid.json"]}
    made = collect(Config.model_validate({"source": fields}), out=out, runtime=Runtime())
    assert isinstance(made, ConversationSet)
    return list(made)


def fill(source: str, kind: str, count: int) -> Iterator[Conversation]:
    """Yield short records of one kind."""
    for number in range(count):
        turns = (Message("user", f"{source} {kind} {number}"), Message("assistant", "答"))
        yield Conversation(f"{source}/{kind}:{number}", turns, source, kind)


def stage(out: Path, source: str, kinds: dict[str, int], samples: list[Conversation]) -> ConversationSet:
    """Write so many records of each kind: the samples, and as many generated ones as are missing."""
    there = Counter(record.kind for record in samples)
    records = [*samples, *(one for kind, count in kinds.items() for one in fill(source, kind, count - there[kind]))]
    return ConversationSet.write(out, records)


def plausible(kinds: dict[str, int], of: dict[str, int], draws: int) -> None:
    """Check that counts are such as a blind draw gives, each within its 99.9 % interval."""
    from scipy.stats import hypergeom

    assert sum(kinds.get(kind, 0) for kind in of) == draws
    for kind, there in of.items():
        draw = hypergeom(sum(of.values()), there, draws)
        assert draw.ppf(0.0005) <= kinds.get(kind, 0) <= draw.ppf(0.9995), kind
