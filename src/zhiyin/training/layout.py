"""How the sequences of a micro-batch become tensors: packed where the model allows it, padded where it does not.

Which of the two, and by which attention, is decided once, at the start, by trying: see `attention_trial`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transformers import PreTrainedModel

from zhiyin.chat.encode import Encoded
from zhiyin.training import attention
from zhiyin.training.attention_trial import Trial
from zhiyin.training.batches import Batch, pack, pad
from zhiyin.training.examples import Example
from zhiyin.training.segments import laid_tokens

SHORT = 256
"""Tokens of a sequence up to which sequences of one length are attended to in rows, as blocks of text are."""
EVEN = 0.98
"""Share of tokens in such rows from which on they count as of one length."""


@dataclass(frozen=True)
class Layout:
    """How micro-batches are laid, and of how many tokens."""

    tokens: int
    """Most tokens in one forward pass; a single example may be longer."""
    pad_id: int
    packed: bool = True
    share: bool = True
    """Lay a beginning that sequences have in common once; needs a packed row."""
    backend: str = "segments"
    """What computes the attention of a packed row."""
    why: str = ""
    """Why not packed, or not shared, or not by a faster attention."""

    @property
    def told(self) -> str:
        """One line for people."""
        kind = "padded"
        if self.packed:
            kind = f"packed, shared beginnings, {self.backend}" if self.share else f"packed, {self.backend}"
        return f"{kind} ({self.why})" if self.why else kind

    def batches(self, examples: Sequence[Example]) -> list[tuple[Batch, list[Example]]]:
        """Lay examples out as micro-batches of at most `tokens`, each with its examples in the order they lie in it."""
        lay = self._packed if self.packed else self._padded
        return [(self.batch(group), group) for group in lay(examples)]

    def batch(self, examples: Sequence[Example]) -> Batch:
        """Lay examples out as one micro-batch."""
        sequences = _sequences(examples)
        return pack(sequences, share=self.share) if self.packed else pad(sequences, self.pad_id)

    def _packed(self, examples: Sequence[Example]) -> list[list[Example]]:
        """Fill rows in the order of the token ids, so that equal beginnings come together."""
        groups: list[list[Example]] = []
        filled = 0
        for example in sorted(examples, key=lambda example: example.sequences[0].ids):
            filled += laid_tokens(example.sequences, share=self.share)
            if groups and filled > self.tokens and self.share:
                filled = laid_tokens(_sequences([*groups[-1], example]))
            if not groups or filled > self.tokens:
                groups.append([])
                filled = laid_tokens(example.sequences, share=self.share)
            groups[-1].append(example)
        return groups

    def _padded(self, examples: Sequence[Example]) -> list[list[Example]]:
        """Put examples alike in length together; padding counts."""
        groups: list[list[Example]] = []
        rows = 0
        for example in sorted(examples, key=lambda example: max(len(s.ids) for s in example.sequences)):
            longest = max(len(sequence.ids) for sequence in example.sequences)
            rows += len(example.sequences)
            if not groups or rows * longest > self.tokens:
                groups.append([])
                rows = len(example.sequences)
            groups[-1].append(example)
        return groups


def _sequences(examples: Sequence[Example]) -> list[Encoded]:
    return [sequence for example in examples for sequence in example.sequences]


def _even(examples: Sequence[Example]) -> bool:
    """Return whether rows of one short length serve all: one matrix product then attends for many sequences."""
    lengths = [len(sequence.ids) for sequence in _sequences(examples)]
    alone = all(len(example.sequences) == 1 for example in examples)
    return alone and max(lengths) <= SHORT and sum(lengths) >= EVEN * max(lengths) * len(lengths)


def choose(
    model: PreTrainedModel,
    examples: Sequence[Example],
    *,
    tokens: int,
    pad_id: int,
    share: bool = True,
    backends: Sequence[str] | None = None,
) -> Layout:
    """Return the fastest layout under which `model` computes what it computes of padded rows, and set its attention.

    `share` is False where equal beginnings are not computed alike: under dropout. `backends` are tried in the place of
    those known for the device. A model that cannot be packed keeps its own attention; the layout says why.
    """
    padded = Layout(tokens, pad_id, packed=False, share=False)
    if _even(examples):
        return replace(padded, why="all are short and of one length")
    if getattr(model.config, "attention_dropout", 0.0):
        return replace(padded, why="its configuration has attention_dropout")
    own = model.config._attn_implementation
    attention.register()
    trial = Trial(model, examples, pad_id)
    refused: dict[str, str] = {}
    for backend in attention.ON_DEVICE.get(model.device.type, ("segments",)) if backends is None else backends:
        refused[backend] = trial.wrong(backend)
        if not refused[backend]:
            reasons = [] if share else ["dropout is drawn anew for each token"]
            reasons += [f"not {name}: {reason}" for name, reason in refused.items() if reason]
            return Layout(tokens, pad_id, share=share, backend=backend, why="; ".join(reasons))
    model.set_attn_implementation(own)
    return replace(padded, why=_together(refused))


def _together(refused: dict[str, str]) -> str:
    """Return the reasons, each once: what is wrong with a model is wrong with every back-end."""
    by_reason: dict[str, list[str]] = {}
    for backend, reason in refused.items():
        by_reason.setdefault(reason, []).append(backend)
    if len(by_reason) == 1:
        return next(iter(by_reason))
    return "; ".join(f"not {', '.join(names)}: {reason}" for reason, names in by_reason.items())
