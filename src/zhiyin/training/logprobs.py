"""Log-probabilities of the supervised tokens of a batch: all that any objective reads of a model.

Axes: B rows, T tokens of a row, N supervised tokens of the batch, C columns that hold one, S sequences, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zhiyin.training.batches import Batch


@dataclass(frozen=True)
class LossSum:
    """A loss summed over units, and metrics summed over examples."""

    total: Tensor
    metrics: dict[str, Tensor]


@dataclass(frozen=True)
class TokenLogProbs:
    """The log-probability of every supervised token, in nats, and the sequence it belongs to."""

    values_N: Tensor
    sequence_N: Tensor
    num_sequences: int
    reference_S: Tensor | None = None

    def sums(self) -> Tensor:
        """Return the log-probability of each sequence [S], summed in float64: a float32 sum loses DPO's gradient."""
        zeros = torch.zeros(self.num_sequences, dtype=torch.float64, device=self.values_N.device)
        return zeros.index_add(0, self.sequence_N, self.values_N.double())

    def reference(self) -> Tensor:
        """Return the log-probability of each sequence under the reference model [S]."""
        if self.reference_S is None:
            raise ValueError("this objective needs reference log-probabilities, and the batch holds none")
        return self.reference_S


def token_logprobs(model: nn.Module, batch: Batch) -> TokenLogProbs:
    """Run the model and return the float32 log-probability of each supervised token.

    Only the columns that predict a supervised token are projected onto the vocabulary. The wrapped model's own
    forward is called, so DDP and FSDP hooks run.
    """
    columns_C, column_index_N = torch.unique(batch.column_N, return_inverse=True)
    logits_BCV = model(
        input_ids=batch.input_ids_BT,
        attention_mask=batch.attention_mask_BT,
        position_ids=batch.position_ids_BT,
        logits_to_keep=columns_C,
        use_cache=False,
    ).logits
    logits_NV = logits_BCV[batch.row_N, column_index_N].float()
    values_N = -nn.functional.cross_entropy(logits_NV, batch.target_N, reduction="none")
    return TokenLogProbs(values_N, batch.sequence_N, batch.num_sequences, batch.reference_S)
