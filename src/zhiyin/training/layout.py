"""How the sequences of a micro-batch become tensors: packed where the model allows it, padded where it does not.

Which of the two is decided once, at the start, by trying: the packed forward of a few real examples must give the
log-probabilities of the padded one, and one sequence must not feel another.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from zhiyin.chat.encode import Encoded
from zhiyin.training import attention
from zhiyin.training.batches import Batch, pack, pad
from zhiyin.training.examples import Example
from zhiyin.training.logprobs import token_logprobs
from zhiyin.training.segments import laid_tokens

SAMPLE = 4
"""Examples tried at the start."""
SAMPLE_TOKENS = 512
"""Tokens of a sequence tried at the start, at most: the trial is there to find a wrong computation, not a slow one."""
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.15}
"""Largest difference of a token's log-probability, in nats, that rounding explains, for each type of weights."""


@dataclass(frozen=True)
class Layout:
    """How micro-batches are laid, and of how many tokens."""

    tokens: int
    """Most tokens in one forward pass; a single example may be longer."""
    pad_id: int
    packed: bool = True
    share: bool = True
    """Lay a beginning that sequences have in common once; needs a packed row."""
    why: str = ""
    """Why not packed, or not shared."""

    @property
    def told(self) -> str:
        """One line for people."""
        kind = ("packed, shared beginnings" if self.share else "packed") if self.packed else "padded"
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


def choose(
    model: PreTrainedModel, examples: Sequence[Example], *, tokens: int, pad_id: int, share: bool = True
) -> Layout:
    """Return the fastest layout under which `model` computes what it computes of padded rows, and set its attention.

    `share` is False where equal beginnings are not computed alike: under dropout. A model that cannot be packed keeps
    its own attention; the layout says why.
    """
    padded = Layout(tokens, pad_id, packed=False, share=False)
    if getattr(model.config, "attention_dropout", 0.0):
        return replace(padded, why="its configuration has attention_dropout")
    own = model.config._attn_implementation
    attention.register()
    wrong = _trial(model, [_short(example) for example in examples[:SAMPLE]], padded, own)
    if wrong:
        model.set_attn_implementation(own)
        return replace(padded, why=wrong)
    return Layout(tokens, pad_id, share=share, why="" if share else "dropout is drawn anew for each token")


def _short(example: Example) -> Example:
    """Return the example with no more than the last tokens of each sequence, supervised ones among them."""
    cut = [Encoded(s.ids[-SAMPLE_TOKENS:], [*s.mask[-SAMPLE_TOKENS:][:-1], True]) for s in example.sequences]
    return Example(example.id, tuple(cut))


@torch.no_grad()
def _trial(model: PreTrainedModel, examples: Sequence[Example], padded: Layout, own: str) -> str:
    """Return what is wrong with packing under this model; empty when nothing is. Leaves the packed attention set."""
    model.eval()
    expected = _by_sequence(model, padded.batch(examples))
    try:
        model.set_attn_implementation(attention.NAME)
    except ValueError:
        return "it takes no other attention than its own"
    row = Layout(padded.tokens, padded.pad_id).batch(examples)
    with attention.counted() as calls:
        try:
            found = _by_sequence(model, row)
        except (TypeError, ValueError, RuntimeError):
            return "its code does not take a packed row"
    if calls != [row.input_ids_BT.shape[1]] * model.config.get_text_config().num_hidden_layers:
        return "its code does not call the registered attention once a layer"
    limit = TOLERANCE.get(next(model.parameters()).dtype, TOLERANCE[torch.bfloat16])
    if not torch.allclose(found, expected, rtol=0, atol=limit):
        return f"log-probabilities differ by {float((found - expected).abs().max()):.1g}"
    return "" if _apart(model, examples, row) else "a sequence feels its neighbour"


def _by_sequence(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Return the log-probabilities of all supervised tokens, sequence by sequence."""
    return token_logprobs(model, batch.to(model.device)).values_N


def _apart(model: PreTrainedModel, examples: Sequence[Example], row: Batch) -> bool:
    """Return whether the first sequence keeps its log-probabilities, bit for bit, when other text follows it."""
    first = examples[0].sequences[0]
    draw = random.Random(0)
    tails = [
        Encoded([draw.choice(first.ids) for _ in first.ids], [False] + [True] * (len(first.ids) - 1)) for _ in "ab"
    ]
    values = []
    for tail in tails:
        batch = pack([first, tail], share=False)
        values.append(token_logprobs(model, batch.to(model.device)))
    left, right = (one.values_N[one.sequence_N == 0] for one in values)
    return torch.equal(left, right)
