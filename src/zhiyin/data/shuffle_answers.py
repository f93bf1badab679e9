"""Make the format-only control: the same questions, with the answers of others of their kind."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from zhiyin.artifacts import ConversationSet
from zhiyin.data.sampling import rank
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Message

Answers = tuple[str, ...]


class Config(StepConfig):
    """How the answers are dealt."""

    seed: int = 0
    """Another seed deals them otherwise."""


def shuffle_answers(config: Config, *, out: Path, runtime: Runtime, records: ConversationSet) -> ConversationSet:
    """Write the same conversations in the same order, their assistant turns permuted within each kind.

    A model trained on them learns the form of questions and answers but not which answer is right. Answers move
    among conversations with as many assistant turns, all turns of one together. No conversation keeps its own answer
    text unless more than half of its group have that text; the summary counts those that do as `kept_own`, by kind.
    """
    groups: defaultdict[tuple[str, int], list[tuple[str, Answers]]] = defaultdict(list)
    for record in records:
        answers = _answers(record)
        groups[record.kind, len(answers)].append((record.id, answers))
    dealt: dict[str, Answers] = {}
    for members in groups.values():
        members.sort(key=lambda member: (rank(config.seed, "question", member[0]), member[0]))
        own = [answers for _, answers in members]
        order = sorted(range(len(members)), key=lambda place: rank(config.seed, "answer", members[place][0]))
        dealt.update(zip((key for key, _ in members), deranged(own, [own[place] for place in order]), strict=True))
    kept_own: Counter[str] = Counter()

    def control() -> Iterator[Conversation]:
        for record in records:
            kept_own[record.kind] += dealt[record.id] == _answers(record)
            yield _answered(record, dealt[record.id])

    made = ConversationSet.write(out, control())
    return ConversationSet(out, {**made.summary, "kept_own": {kind: n for kind, n in kept_own.items() if n}})


def deranged(own: Sequence[Answers], given: Sequence[Answers]) -> list[Answers]:
    """Return `given` with as few swaps as it takes that no place holds its own value, wherever that can be.

    Each swap mends one place and harms none. It can be done for every place unless one value fills more than half of
    them; then as few as possible keep theirs.
    """
    dealt = list(given)
    hopeless: set[Answers] = set()
    for place, mine in enumerate(own):
        if dealt[place] != mine or mine in hopeless:
            continue
        # Start beside the place, or low places would serve every swap.
        candidates = ((place + step) % len(own) for step in range(1, len(own)))
        partner = next((other for other in candidates if own[other] != mine and dealt[other] != mine), None)
        if partner is None:
            hopeless.add(mine)
        else:
            dealt[place], dealt[partner] = dealt[partner], dealt[place]
    return dealt


def _answers(record: Conversation) -> Answers:
    return tuple(message.content for message in record.messages if message.role == "assistant")


def _answered(record: Conversation, answers: Answers) -> Conversation:
    """Return the conversation with other assistant turns."""
    left = iter(answers)
    turns = tuple(Message("assistant", next(left)) if turn.role == "assistant" else turn for turn in record.messages)
    return msgspec.structs.replace(record, messages=turns)
