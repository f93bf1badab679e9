"""Log-probabilities of the supervised tokens of a batch: all that any objective reads of a model.

Axes: N supervised tokens of the batch, P distinct places that predict one, S sequences, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zhiyin.training.batches import Batch
from zhiyin.weights.head import logits_at


@dataclass(frozen=True)
class LossSum:
    """A loss summed over units, metrics summed over examples, and a second term of the loss summed over tokens."""

    total: Tensor
    metrics: dict[str, Tensor]
    per_token: Tensor | None = None
    """Divided by the `Objective.tokens` of the step, then added: the auxiliary SFT term of a preference loss."""


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

    Only the places that predict a supervised token are projected onto the vocabulary.
    """
    logits_PV, place_N = logits_at(
        model,
        batch.row_N,
        batch.column_N,
        input_ids=batch.input_ids_BT,
        attention_mask=batch.attention_mask_BT,
        position_ids=batch.position_ids_BT,
    )
    # Places are distinct and in order unless sequences share a prefix: then, and only then, rows are copied.
    logits_NV = logits_PV if len(logits_PV) == len(place_N) else logits_PV[place_N]
    values_N = -nn.functional.cross_entropy(logits_NV.float(), batch.target_N, reduction="none")
    return TokenLogProbs(values_N, batch.sequence_N, batch.num_sequences, batch.reference_S)
