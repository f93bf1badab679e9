"""Token ids in, token ids out: generation in batches, and the same one token at a time.

Axes: B rows, T positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from zhiyin.inference.batches import cut_by_length
from zhiyin.inference.sampling import Sampling, draw
from zhiyin.weights.budget import Budget, Part, in_parts

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Request:
    """A prompt as token ids, and the name of its stream of random numbers."""

    ids: tuple[int, ...]
    stream: str = ""


@dataclass(frozen=True)
class Generator:
    """A model, the ids that end its turn, and the id that fills short rows."""

    model: PreTrainedModel
    stop_ids: tuple[int, ...]
    pad_id: int

    @torch.inference_mode()
    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        *,
        micro_batch_tokens: int | Budget,
        advance: Callable[[int], None] = lambda finished: None,
    ) -> list[tuple[int, ...]]:
        """Return the answer to each request: at most `max_new_tokens` ids, the stop id among them if it came to one.

        Rows are padded on the left and masked, and positions count from each prompt's own start: the other rows of a
        batch change an answer by rounding only. `advance` is told how many were finished since its last call.
        """
        # What our settings leave open, `generate` fills in from the checkpoint's own: those must say nothing.
        self.model.generation_config = GenerationConfig()
        answers: list[tuple[int, ...]] = [()] * len(requests)

        def compute(part: Part[int]) -> list[tuple[int, ...]]:
            return self._batch([requests[index] for index in part.items], sampling)

        cut = cut_by_length([len(request.ids) + sampling.max_new_tokens for request in requests])
        budget = Budget.of(micro_batch_tokens)
        for part, found in in_parts(range(len(requests)), cut, compute, budget, "generated answers"):
            for index, answer in zip(part.items, found, strict=True):
                answers[index] = answer
            advance(len(found))
        return answers

    def stream(self, request: Request, sampling: Sampling) -> Iterator[int]:
        """Yield the same answer as `generate`, token by token."""
        uniforms = () if sampling.greedy else sampling.uniforms(request.stream)
        ids_BT, cache = torch.tensor([request.ids], device=self.model.device), None
        for number in range(sampling.max_new_tokens):
            # Entered anew for each token: whoever reads the stream must not find themselves in inference mode.
            with torch.inference_mode():
                out = self.model(input_ids=ids_BT, past_key_values=cache, use_cache=True, logits_to_keep=1)
                logits_BV, cache = out.logits[:, -1].float(), out.past_key_values
                uniforms_B = torch.tensor(uniforms[number : number + 1], dtype=torch.float64)
                ids_B = logits_BV.argmax(-1) if sampling.greedy else draw(logits_BV, uniforms_B, sampling)
                ids_BT = ids_B.unsqueeze(-1)
            token = int(ids_B)
            yield token
            if token in self.stop_ids:
                return

    def _batch(self, requests: Sequence[Request], sampling: Sampling) -> list[tuple[int, ...]]:
        width = max(len(request.ids) for request in requests)
        rows = [[self.pad_id] * (width - len(request.ids)) + list(request.ids) for request in requests]
        mask = [[0] * (width - len(request.ids)) + [1] * len(request.ids) for request in requests]
        settings = GenerationConfig(
            do_sample=False,
            max_new_tokens=sampling.max_new_tokens,
            eos_token_id=list(self.stop_ids) or None,
            pad_token_id=self.pad_id,
        )
        ids_BT = cast(
            "Tensor",
            self.model.generate(  # type: ignore[operator]
                torch.tensor(rows, device=self.model.device),
                attention_mask=torch.tensor(mask, device=self.model.device),
                generation_config=settings,
                logits_processor=LogitsProcessorList([] if sampling.greedy else [_Drawn(requests, sampling, width)]),
            ),
        )
        return [self._until_stop(row[width:]) for row in ids_BT.tolist()]

    def _until_stop(self, ids: list[int]) -> tuple[int, ...]:
        """Cut off what pads a row that ended before the others."""
        end = next((place for place, token in enumerate(ids, start=1) if token in self.stop_ids), len(ids))
        return tuple(ids[:end])


class _Drawn(LogitsProcessor):
    """Leaves one token possible, the one drawn for its row: "greedy" generation then samples, each row by its seed."""

    def __init__(self, requests: Sequence[Request], sampling: Sampling, prompt_width: int) -> None:
        uniforms = [sampling.uniforms(request.stream) for request in requests]
        self._uniforms_BT = torch.tensor(uniforms, dtype=torch.float64)
        self._sampling = sampling
        self._prompt_width = prompt_width

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return `scores` [B, V] with every token but the drawn one ruled out."""
        uniforms_B = self._uniforms_BT[:, input_ids.shape[1] - self._prompt_width]
        drawn_B = draw(scores, uniforms_B, self._sampling)
        return torch.full_like(scores, -torch.inf).scatter(-1, drawn_B.unsqueeze(-1), 0.0)
