"""Log-probabilities of the supervised tokens of a batch: all that any objective reads of a model.

Axes: N supervised tokens of the batch, P distinct places that predict one, S sequences, H hidden size.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from zhiyin.training.batches import Batch
from zhiyin.training.vocabulary import target_logprobs
from zhiyin.weights.head import hidden_at, output_layer, softcap


@dataclass(frozen=True)
class LossSum:
    """A loss summed over units, metrics summed over examples, and a second term of the loss summed over tokens."""

    total: Tensor
    metrics: dict[str, Tensor]
    per_token: Tensor | None = None
    """Divided by the `Objective.tokens` of the step, then added: the auxiliary SFT term of a preference loss."""
    token_metrics: dict[str, Tensor] = field(default_factory=dict)
    """Metrics summed over tokens, divided by the `Objective.tokens` of the step."""


@dataclass(frozen=True)
class TokenLogProbs:
    """The log-probability of every supervised token, in nats, and the sequence it belongs to."""

    values_N: Tensor
    sequence_N: Tensor
    num_sequences: int
    reference_S: Tensor | None = None
    weight_N: Tensor | None = None
    """Weight of each supervised token; None where each counts 1."""

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
    packed = {} if batch.segments is None else {"segments": batch.segments}
    hidden_PH, place_N = hidden_at(
        model,
        batch.row_N,
        batch.column_N,
        input_ids=batch.input_ids_BT,
        attention_mask=batch.attention_mask_BT,
        position_ids=batch.position_ids_BT,
        **packed,
    )
    values_N = target_logprobs(hidden_PH, output_layer(model), softcap(model), batch.target_N, place_N)
    return TokenLogProbs(values_N, batch.sequence_N, batch.num_sequences, batch.reference_S, batch.weight_N)
