"""Whether a model computes with a back-end, of a packed row, what it computes with its own attention of padded rows.

Values, gradients, windows, and that a sequence does not feel its neighbour are tried on a few real examples before a
training, so that no device, library or architecture has to be believed. Whatever autocast holds then, holds here.

Axes: P places of a batch, H hidden size, T tokens of a row, D head size.
"""

import random
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from zhiyin.chat.encode import Encoded
from zhiyin.training import attention
from zhiyin.training.attention import Scoring
from zhiyin.training.batches import Batch, pack, pad
from zhiyin.training.examples import Example
from zhiyin.training.logprobs import token_logprobs
from zhiyin.training.segments import Segment
from zhiyin.weights.budget import lacks_memory

SAMPLE = 4
"""Examples tried at the start."""
SAMPLE_TOKENS = 512
"""Tokens of a sequence tried at the start, at most: the trial is there to find a wrong computation, not a slow one."""
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.15}
"""Largest difference of a token's log-probability, in nats, that rounding explains, for each type of numbers."""
SLOPE_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1}
"""Largest difference of a gradient that rounding explains, relative to its norm."""
KERNEL_TOLERANCE = {torch.float32: 2e-3, torch.bfloat16: 3e-2}
"""Likewise of one attention, and of its gradients."""
WINDOW = 24
"""Positions of the window tried: a real one is longer than what is tried."""


class Trial:
    """What a model computes of padded rows with its own attention: made once, then held against each back-end."""

    def __init__(self, model: PreTrainedModel, examples: Sequence[Example], pad_id: int) -> None:
        """`model` still has its own attention."""
        model.eval()
        self.model = model
        self.sequences = [_short(sequence) for example in examples[:SAMPLE] for sequence in example.sequences]
        self.family = _family(self.sequences[0])
        self.expected_N = _values(model, pad(self.sequences, pad_id))
        self.expected_slope = _slope(model, pad(self.family, pad_id))

    def wrong(self, backend: str) -> str:
        """Return what is wrong with a back-end under this model, empty when nothing is; leaves it set."""
        try:
            self.model.set_attn_implementation(attention.registered(backend))
        except ValueError:
            return "it takes no other attention than its own"
        try:
            return self._wrong_kernel(backend) or self._wrong_values() or self._wrong_slope()
        except attention.Unfit as reason:
            return str(reason)
        except Exception as error:  # A compiler, a driver, a model: each has its own, and none may end the training.
            if lacks_memory(error):
                raise
            return f"its code does not take a packed row: {_brief(error)}"

    def _wrong_kernel(self, backend: str) -> str:
        """Compare attention and its gradients with those of `segments`, on random numbers and heads like the model's.

        In the sum over all layers a mistake may drown, and no example need be longer than a window.
        """
        windowed = getattr(self.model.config.get_text_config(), "sliding_window", None)
        for window in (None, WINDOW) if windowed else (None,):
            gap = _kernel_gap(backend, self.model, self._dtype(), window) if backend != "segments" else 0.0
            if not gap <= _limit(KERNEL_TOLERANCE, self._dtype()):
                if window:
                    return f"attention with a window of {window} differs by {gap:.1%}"
                return f"attention differs by {gap:.1%}"
        return ""

    def _wrong_values(self) -> str:
        row = pack(self.sequences)
        with attention.counted() as calls:
            found_N = _values(self.model, row)
        if calls != [row.input_ids_BT.shape[1]] * self.model.config.get_text_config().num_hidden_layers:
            return "its code does not call the registered attention once a layer"
        if not torch.allclose(found_N, self.expected_N, rtol=0, atol=_limit(TOLERANCE, self._dtype())):
            return f"log-probabilities differ by {float((found_N - self.expected_N).abs().max()):.1g}"
        return "" if self._apart() else "a sequence feels its neighbour"

    def _apart(self) -> bool:
        """Return whether the first sequence keeps its log-probabilities, bit for bit, when other text follows it."""
        first = self.sequences[0]
        draw = random.Random(0)
        tails = [_supervised([draw.choice(first.ids) for _ in first.ids]) for _ in "ab"]
        batches = [pack([first, tail], share=False) for tail in tails]
        left, right = (_values(self.model, batch)[batch.sequence_N == 0] for batch in batches)
        return torch.equal(left, right)

    def _wrong_slope(self) -> str:
        """Compare the gradients of the embedded tokens; a token laid once gets those of all who share it."""
        gap = _gap(_slope(self.model, pack(self.family)), self.expected_slope)
        return "" if gap <= _limit(SLOPE_TOLERANCE, self._dtype()) else f"gradients differ by {gap:.1%}"

    def _dtype(self) -> torch.dtype:
        """Return the type attention is computed in."""
        device = self.model.device.type
        own = next(self.model.parameters()).dtype
        return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else own


def _limit(limits: dict[torch.dtype, float], dtype: torch.dtype) -> float:
    return limits.get(dtype, limits[torch.bfloat16])


def _brief(error: Exception) -> str:
    """Return the first line of an error; a compiler's is pages long."""
    return f"{type(error).__name__} {str(error).strip().partition(chr(10))[0][:100]}".strip()


def _short(sequence: Encoded) -> Encoded:
    """Return no more than the last tokens of a sequence, a supervised one among them."""
    return Encoded(sequence.ids[-SAMPLE_TOKENS:], [*sequence.mask[-SAMPLE_TOKENS:][:-1], True])


def _supervised(ids: list[int], after: int = 1) -> Encoded:
    return Encoded(ids, [False] * after + [True] * (len(ids) - after))


def _family(sequence: Encoded) -> list[Encoded]:
    """Return two continuations of one beginning, and a neighbour: what a gradient has to find its way through."""
    draw = random.Random(0)
    beginning, *rests = ([draw.choice(sequence.ids) for _ in range(count)] for count in (48, 40, 70, 60))
    return [_supervised(beginning + rest, after=48) for rest in rests[:2]] + [_supervised(rests[2])]


@torch.no_grad()
def _values(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Return the log-probabilities of all supervised tokens, sequence by sequence."""
    return token_logprobs(model, batch.to(model.device)).values_N


def _slope(model: PreTrainedModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the position and the token [P, 2] of all places, and the gradient [P, H] of their embeddings."""
    leaves: list[Tensor] = []

    def cut(layer: nn.Module, arguments: tuple[Tensor, ...], embedded_BTH: Tensor) -> Tensor:
        leaves.append(embedded_BTH.detach().requires_grad_())
        return leaves[0]

    batch = batch.to(model.device)
    handle = model.get_input_embeddings().register_forward_hook(cut)
    try:
        with torch.enable_grad():
            total = token_logprobs(model, batch).values_N.sum()
    finally:
        handle.remove()
    (slope_BTH,) = torch.autograd.grad(total, leaves)
    names_P2 = torch.stack([batch.position_ids_BT.flatten(), batch.input_ids_BT.flatten()], dim=1)
    return names_P2, slope_BTH.flatten(0, 1).float()


def _gap(found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> float:
    """Return by how much gradients differ, relative to the expected; those of equal position and token are summed."""
    names, which_P = torch.unique(torch.cat([found[0], expected[0]]), dim=0, return_inverse=True)
    signed_PH = torch.cat([found[1], -expected[1]])
    difference = torch.zeros(len(names), signed_PH.shape[1], device=signed_PH.device).index_add_(0, which_P, signed_PH)
    return float(difference.norm() / expected[1].norm())


def _kernel_gap(backend: str, model: PreTrainedModel, dtype: torch.dtype, window: int | None) -> float:
    """Return the largest relative difference of values and gradients from those of `segments`."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    segments = [Segment(0, 48), Segment(48, 88, ((0, 48),)), Segment(88, 158, ((0, 48),)), Segment(158, 218)]
    scoring = Scoring(size**-0.5, getattr(config, "attn_logit_softcapping", None), window)
    draw = torch.Generator().manual_seed(0)
    counts = (heads, *[getattr(config, "num_key_value_heads", None) or heads] * 2)
    drawn = [torch.randn(1, count, segments[-1].end, size, generator=draw) for count in counts]
    weight = torch.randn(1, segments[-1].end, heads, size, generator=draw).to(model.device, dtype)
    results = []
    for name in (backend, "segments"):
        query, key, value = (state.to(model.device, dtype).requires_grad_() for state in drawn)
        with torch.enable_grad():
            out = attention.compute(name)(query, key, value, segments, scoring)
        results.append([out.detach(), *torch.autograd.grad(out, (query, key, value), weight, materialize_grads=True)])
    return max(float((one - two).float().norm() / two.float().norm()) for one, two in zip(*results, strict=True))
