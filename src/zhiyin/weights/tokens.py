"""Trained embeddings of a few tokens without a copy of the whole matrix: PEFT makes one in every forward pass.

For 256,000 tokens of 3,584 numbers that is 3.7 GB, once in the embedding and, where it is tied, once more in the head.

Axes: K trained tokens, V vocabulary, H hidden size.
"""

from typing import Any

import torch
from peft.tuners.trainable_tokens import TrainableTokensLayer
from torch import Tensor, nn
from transformers import PreTrainedModel


def fuse_tokens(model: PreTrainedModel) -> None:
    """Give PEFT's layers of trained tokens the class that computes the same without the copy."""
    for module in model.modules():
        if type(module) is TrainableTokensLayer:
            module.__class__ = FusedTokens


class FusedTokens(TrainableTokensLayer):
    """Rows of K tokens in the place of the frozen ones, in an embedding or in a head tied to it."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return embeddings [..., H] of token ids, or logits [..., V] of hidden states; the unusual is PEFT's."""
        rows = None if args or kwargs else self._rows()
        if rows is None:
            own: Tensor = super().forward(x, *args, **kwargs)
            return own
        base, (index_K, rows_KH) = self.get_base_layer(), rows
        if isinstance(base, nn.Linear):
            logits = nn.functional.linear(x, base.weight)
            return logits.index_copy_(
                -1, index_K, nn.functional.linear(x, rows_KH.to(base.weight.dtype)).to(logits.dtype)
            )
        embedded: Tensor = base(x)
        scale = self._get_embed_scale()  # type: ignore[no-untyped-call]
        rows_KH = rows_KH.to(embedded.dtype) if scale is None else rows_KH.to(embedded.dtype) * scale.to(embedded.dtype)
        hits = x.unsqueeze(-1) == index_K
        return torch.where(hits.any(-1, keepdim=True), hits.to(embedded.dtype) @ rows_KH, embedded)

    def _rows(self) -> tuple[Tensor, Tensor] | None:
        """Return the ids [K] and rows [K, H] of the one adapter, where this layer is an ordinary one."""
        base: Any = self.get_base_layer()
        names = self.active_adapters
        if self.disable_adapters or self.merged or len(names) != 1 or names[0] not in self.token_indices:
            return None
        ids = self.token_indices[names[0]]
        if isinstance(base, nn.Embedding):
            usual = base.max_norm is None and not base.scale_grad_by_freq and not base.sparse
            usual = usual and base.padding_idx not in ids
        else:
            usual = type(base) is nn.Linear
        if not usual or base.weight.requires_grad:
            return None
        return torch.tensor(ids, device=base.weight.device), self.trainable_tokens_delta[names[0]]
