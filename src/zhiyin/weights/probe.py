"""Logits of a random sequence, on which two forms of one model are compared.

Axes: T tokens, V vocabulary.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


def probe(model: "PreTrainedModel", tokens: int) -> "Tensor":
    """Return the float32 logits [T, V] of `tokens` token ids, the same for every model of one vocabulary."""
    import torch

    vocabulary = model.config.get_text_config().vocab_size
    ids_BT = torch.randint(vocabulary, (1, tokens), generator=torch.Generator().manual_seed(0)).to(model.device)
    with torch.inference_mode():
        logits_TV: Tensor = model(input_ids=ids_BT, use_cache=False).logits[0].float()
    return logits_TV


def distance(one_TV: "Tensor", other_TV: "Tensor") -> float:
    """Return the largest difference of a logit, relative to the largest logit of the first."""
    return float((one_TV - other_TV).abs().max()) / float(one_TV.abs().max())
