"""How much memory a training will take, by a rehearsal in which tensors have shapes and no contents.

The forward and the backward pass of the real model, with the real attention and the real vocabulary projection, run on
`FakeTensor`s, while every storage that comes and goes is noted. So there is no formula for any architecture, and what
is counted is what autograd keeps. Shallow models and short rows suffice: layers repeat and tokens are alike, so memory
is linear in both. A model that the layout cannot pack takes more than is said here.
"""

import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights

from zhiyin.artifacts import Adapter
from zhiyin.chat.encode import Encoded
from zhiyin.training import attention
from zhiyin.training.adapters import Method
from zhiyin.training.batches import pack
from zhiyin.training.logprobs import token_logprobs
from zhiyin.weights.blocks import fuse_blocks
from zhiyin.weights.head import output_layer

REHEARSED = (512, 1024)
"""Tokens of the two rows that are rehearsed."""
FIXED = {"cpu": 40 << 20, "cuda": 640 << 20}
"""Bytes that a training takes whatever its model: libraries loaded on the way, workspaces of matrix products."""
MAPPED = 32 << 20
"""Size from which glibc gives a tensor pages of its own, and takes them back whole."""
SCATTERED = 1.4
"""Bytes resident for a byte in use among smaller tensors on the CPU: glibc 2.36 cannot put an aligned tensor where one
of its own size was freed. Measured by `bench/memory.py`."""
BITS = {"nf4": 4.127, "int8": 8.03}
"""Bits of a quantised weight, its scales included."""


Cost = Callable[[float, int], float]
"""What a tensor counts that is so many times as large as this size, which was rehearsed."""


@dataclass(frozen=True)
class Row:
    """What one forward pass carries."""

    tokens: int
    """Tokens laid."""
    length: int
    """Tokens of a sequence."""
    supervised: float = 1.0
    """Share of the tokens that is supervised."""


@dataclass(frozen=True)
class Parts:
    """Peak memory of a training by what it is for, in bytes."""

    weights: int
    adapter: int
    """Trained weights beside frozen ones; 0 where all weights are trained."""
    optimiser: int
    """Gradients and AdamW's two averages, float32."""
    activations: int
    """What the forward pass keeps for the backward pass, and what either needs for itself."""
    vocabulary: int
    """Logits held at once, and what comes with them."""
    fixed: int

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(astuple(self))


@dataclass(frozen=True)
class Counts:
    """Numbers of weights."""

    all: int
    trained: int
    bytes: int
    """Of all weights and buffers."""
    trained_bytes: int
    mapped: int
    """Bytes of the gradients that are at least `MAPPED` large."""
    largest: int
    """Bytes of the largest trained weight."""


@dataclass(frozen=True)
class Trace:
    """Storages of one forward and backward pass in order: bytes taken, and bytes given back as negative numbers."""

    sizes: list[int]
    body: int
    """How many there were when the last layer had run."""
    head: int
    """How many there were behind the vocabulary projection."""

    def moments(self, cost: Callable[[int], float]) -> tuple[float, float, float]:
        """Return the memory behind the last layer, at the peak of the projection, and at the peak of everything."""
        now = peak = kept = head = 0.0
        for number, size in enumerate(self.sizes, start=1):
            now += cost(size) if size > 0 else -cost(-size)
            peak = max(peak, now)
            kept = now if number == self.body else kept
            head = peak if number == self.head else head
        return kept, head, peak


class Meter(TorchDispatchMode):
    """Notes the bytes of every storage that tensors take and give back, real or not."""

    def __init__(self, known: Sequence[Tensor] = ()) -> None:
        """`known` are tensors that are there already, and not noted."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.sizes: list[int] = []
        self._live: set[int] = set()
        self._known = {tensor.untyped_storage()._cdata for tensor in known}

    def note(self, tensor: Tensor) -> None:
        """Note a tensor's storage until it is freed; once, however many tensors share it."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._live and key not in self._known:
            self._live.add(key)
            self.sizes.append(storage.nbytes())
            weakref.finalize(storage, self._freed, key, storage.nbytes())

    def _freed(self, key: int, size: int) -> None:
        self._live.discard(key)
        self.sizes.append(-size)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and note what it returns. A mask picks as many places as it really holds."""
        if func is torch.ops.aten.index.Tensor and any(i is not None and i.dtype == torch.bool for i in args[1]):
            (mask,) = args[1]
            args = (args[0], list(mask.nonzero().unbind(1)))
        result = func(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, Tensor):
                self.note(each)
        return result


def trace(model: nn.Module, row: Row, precision: AbstractContextManager[Any], *, accumulates: bool = True) -> Trace:
    """Run one forward and one backward pass of a model, whose tensors may be fake, and note its storages.

    With `accumulates` gradients are there already, as in every forward pass of a step but the first.
    """
    batch = pack(_sequences(row), share=False)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in trained:
        weight.grad = torch.zeros_like(weight) if accumulates else None
    gradients = [weight.grad for weight in trained if weight.grad is not None]
    meter = Meter([*model.parameters(), *model.buffers(), *gradients])
    body: list[int] = []
    handle = output_layer(model).register_forward_pre_hook(lambda layer, given: body.append(len(meter.sizes)))
    try:
        with meter:
            with precision:
                values_N = token_logprobs(model, batch).values_N
            head = len(meter.sizes)
            values_N.sum().backward()
        return Trace(list(meter.sizes), body[0], head)
    finally:
        handle.remove()
        model.zero_grad(set_to_none=True)


def forget_activations(network: nn.Module) -> None:
    """Have the model compute activations again in the backward pass; transformers 5.20 gave the method a new name."""
    known: Any = network
    enable = getattr(known, "activation_checkpointing_enable", None) or known.gradient_checkpointing_enable
    enable({"use_reentrant": False})


class Rehearsal:
    """A training whose model has shapes and no contents."""

    def __init__(
        self,
        shape: dict[str, Any],
        method: Method,
        dtype: str,
        *,
        control_ids: Sequence[int] = (0,),
        checkpointing: bool = False,
    ) -> None:
        """`shape` is a model's `config.json`, `dtype` that of the frozen weights and the matrix products.

        `control_ids` are the control tokens of the chat template. With `checkpointing` activations are computed again
        in the backward pass.
        """
        attention.register()
        self.shape, self.method, self.checkpointing = shape, method, checkpointing
        self.control_ids = control_ids
        self.mixed = dtype == "bfloat16"
        self.dtype = getattr(torch, dtype if method.makes is Adapter else "float32")
        self.layers = int(self._config().get_text_config().num_hidden_layers)
        self.depths = self._depths()
        self._models: dict[int, PreTrainedModel] = {}
        self._traces: dict[tuple[int, Row, bool], Trace] = {}

    def counts(self) -> Counts:
        """Count the weights of the whole model."""
        found = [_counts(self._model(depth), self.method) for depth in self.depths]
        totals = [round(self._at_full_depth(values)) for values in zip(*map(astuple, found), strict=True)]
        return Counts(totals[0], totals[1], totals[2], totals[3], totals[4], found[-1].largest)

    def parts(self, row: Row, device: str, *, accumulates: bool = True) -> Parts:
        """Return the memory at the peak of an optimiser step; `accumulates` when it has several forward passes."""
        counts = self.counts()
        accumulates = accumulates or self.method.makes is Adapter
        adapter = counts.trained_bytes if self.method.makes is Adapter else 0
        gradients = 4 * counts.trained
        there = gradients if accumulates else 0  # before the pass, and not in its trace
        if device == "cpu":
            # What smaller tensors once took stays with the process, also while AdamW takes its step.
            small, large = (self._moments(row, accumulates, cost) for cost in (_small, _large))
            spare = 2 * counts.largest if counts.largest >= MAPPED else 0
            behind = spare if accumulates else counts.mapped + spare
            peak = SCATTERED * small[2] + max(large[2], behind)
            head = SCATTERED * (small[1] - small[0]) + large[1] - large[0]
        else:
            kept, top, peak = self._moments(row, accumulates, lambda scale, size: size)
            peak, head = max(peak, 2 * gradients - there), top - kept
        working = max(0.0, peak + there - gradients)
        vocabulary = min(max(0.0, head), working)
        return Parts(
            weights=counts.bytes - adapter,
            adapter=adapter,
            optimiser=gradients + 8 * counts.trained,
            activations=round(working - vocabulary),
            vocabulary=round(vocabulary),
            fixed=FIXED.get(device, FIXED["cpu"]),
        )

    def _moments(self, row: Row, accumulates: bool, cost: Cost) -> list[float]:
        """Return the moments of `Trace` for the whole model and row, on the lines through what was rehearsed."""
        found = []
        for tokens in REHEARSED:
            short = Row(tokens, min(row.length, tokens), row.supervised)
            scaled = partial(cost, row.tokens / tokens)
            shallow = [self._trace(depth, short, accumulates).moments(scaled) for depth in self.depths]
            found.append([self._at_full_depth(values) for values in zip(*shallow, strict=True)])
        return [_line(REHEARSED, values, row.tokens) for values in zip(*found, strict=True)]

    def _trace(self, depth: int, row: Row, accumulates: bool) -> Trace:
        key = (depth, row, accumulates)
        if key not in self._traces:
            precision = torch.autocast("cpu", torch.bfloat16) if self.mixed else nullcontext()
            self._traces[key] = trace(self._model(depth), row, precision, accumulates=accumulates)
        return self._traces[key]

    def _at_full_depth(self, values: Sequence[float]) -> float:
        return values[0] if len(self.depths) == 1 else _line(self.depths, values, self.layers)

    def _depths(self) -> tuple[int, ...]:
        """Return the numbers of layers to rehearse: one and two periods of the layer types, or all layers."""
        types = getattr(self._config().get_text_config(), "layer_types", None) or [""]
        period = next(n for n in range(1, len(types) + 1) if all(t == types[i % n] for i, t in enumerate(types)))
        return (period, 2 * period) if self.layers > 2 * period else (self.layers,)

    def _config(self, layers: int | None = None) -> PreTrainedConfig:
        """Return the model's config, cut to so many layers."""
        values = dict(self.shape)
        config: PreTrainedConfig = AutoConfig.for_model(values.pop("model_type"), **values)
        if layers is not None:
            text = config.get_text_config()
            text.num_hidden_layers = layers
            if getattr(text, "layer_types", None):
                text.layer_types = text.layer_types[:layers]
        return config

    def _model(self, layers: int) -> PreTrainedModel:
        """Return the model cut to so many layers, wrapped for training, every weight without contents."""
        if layers not in self._models:
            with torch.device("meta"), no_init_weights():
                model = AutoModelForCausalLM.from_config(
                    self._config(layers), dtype=self.dtype, attn_implementation=attention.NAME
                )
            model.tie_weights()
            for module in model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0  # attention over a packed row has none
                if hasattr(module, "attention_dropout"):
                    module.attention_dropout = 0.0
            fuse_blocks(model)
            wrapped = self.method.wrap(model, control_ids=self.control_ids, steps=1000).train()
            if self.checkpointing:
                forget_activations(wrapped)
            empty(wrapped)
            self._models[layers] = wrapped
        return self._models[layers]


def empty(model: nn.Module) -> None:
    """Put a `FakeTensor` of the CPU in the place of every weight and buffer; shared ones stay shared."""
    mode, made = FakeTensorMode(allow_non_fake_inputs=True), dict[int, Tensor]()
    # AdaLoRA's divisor is frozen, and PEFT forgets that when it moves it to the device of the base.
    divisors = {id(weight) for name, weight in model.named_parameters() if ".ranknum." in name}

    def fake(tensor: Tensor) -> Tensor:
        if id(tensor) not in made:
            with mode:
                made[id(tensor)] = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
            if isinstance(tensor, nn.Parameter):
                trained = tensor.requires_grad and id(tensor) not in divisors
                made[id(tensor)] = nn.Parameter(made[id(tensor)], requires_grad=trained)
        return made[id(tensor)]

    for module in list(model.modules()):
        for tensors in (module._parameters, module._buffers):
            for name, tensor in list(tensors.items()):
                if tensor is not None:
                    tensors[name] = fake(tensor)  # type: ignore[assignment]


def _counts(model: nn.Module, method: Method) -> Counts:
    weights = list(model.parameters())
    trained = [weight for weight in weights if weight.requires_grad]
    bits = BITS.get(getattr(method, "quantization", ""))
    linear = [module.weight for module in model.modules() if isinstance(module, nn.Linear)]
    frozen = {id(w): w for w in linear if not w.requires_grad and w is not output_layer(model).weight} if bits else {}
    saved = sum(round(weight.nbytes - weight.numel() * (bits or 0) / 8) for weight in frozen.values())
    return Counts(
        all=sum(weight.numel() for weight in weights),
        trained=sum(weight.numel() for weight in trained),
        bytes=sum(weight.nbytes for weight in [*weights, *model.buffers()]) - saved,
        trained_bytes=sum(weight.nbytes for weight in trained),
        mapped=sum(4 * weight.numel() for weight in trained if 4 * weight.numel() >= MAPPED),
        largest=max((weight.nbytes for weight in trained), default=0),
    )


def _small(scale: float, size: int) -> float:
    """Return the size of a tensor of the CPU that lies among others, 0 for one that has pages of its own.

    It is `scale` times as large as what was rehearsed.
    """
    return size if size * scale < MAPPED else 0


def _large(scale: float, size: int) -> float:
    """Return the size of a tensor that has pages of its own, 0 for another."""
    return size if size * scale >= MAPPED else 0


def _line(places: Sequence[int], values: Sequence[float], at: float) -> float:
    """Return the value at a place on the line through two points."""
    return values[0] + (values[1] - values[0]) * (at - places[0]) / (places[1] - places[0])


def _sequences(row: Row) -> list[Encoded]:
    """Return sequences that fill the row; the last tokens of each are the supervised ones."""
    lengths = [row.length + 1] * (row.tokens // row.length)  # the last token of a sequence is only predicted, not laid
    lengths += [rest + 1] if (rest := row.tokens % row.length) else []
    found = []
    for length in lengths:
        asked = min(length - 1, max(1, round((length - 1) * row.supervised)))
        found.append(Encoded([0] * length, [False] * (length - asked) + [True] * asked))
    return found
