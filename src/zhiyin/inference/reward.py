"""Ask a reward model what each answer of a completion set is worth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhiyin.artifacts import Checkpoint, CompletionSet, PromptSet, RewardScores
from zhiyin.chat.templates import AnyTemplate
from zhiyin.execution import progress
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.inference.engines import Dtype
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.reward import Reward

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from zhiyin.chat.encode import Encoder
    from zhiyin.weights.budget import Part


class Config(StepConfig):
    """How the model reads a question and its answer."""

    template: AnyTemplate | None = None
    """The chat template that renders them; without one, the model's own."""
    dtype: Dtype = "float32"
    """Precision of the weights and of the arithmetic."""


def reward(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    prompts: PromptSet,
    completions: CompletionSet,
    model: Checkpoint,
) -> RewardScores:
    """Write the number that the model gives each question with its answer, in the order of the answers.

    The model is one of sequence classification with a single output (`*ForSequenceClassification`, `num_labels` 1),
    read at the last token of the conversation, as in system 004's annotation. Of a conversation longer than the model
    takes, the beginning is cut off, and `truncated` counts it. Raises `ValueError` for another kind of model, and for
    a prompt that is raw text.
    """
    from zhiyin.chat.template import load_encoder
    from zhiyin.weights.load import load_model, pick_device

    _check(model.path)
    encoder = load_encoder(model.path, config.template)
    judge = load_model(model, device=pick_device(runtime.device), dtype=config.dtype, head="SequenceClassification")
    asked = {prompt.id: prompt for prompt in prompts}
    answers = list(completions.of(prompts))
    positions: int | None = getattr(judge.config.get_text_config(), "max_position_embeddings", None)
    whole = list(_conversations(answers, asked, encoder))
    cut = [ids if positions is None else ids[-positions:] for ids in whole]
    scores = dict(_scores(judge, cut, encoder.pad_id, runtime.micro_batch_tokens))
    rewards = (Reward(one.prompt_id, one.sample, scores[place]) for place, one in enumerate(answers))
    truncated = sum(len(one) < len(other) for one, other in zip(cut, whole, strict=True))
    return RewardScores.write(out, rewards, truncated=truncated, template=encoder.template.name)


def _check(folder: Path) -> None:
    """Raise `ValueError` unless the folder holds a model with one output for a whole text."""
    shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (kind,) = shape.get("architectures") or ("",)
    if not kind.endswith("ForSequenceClassification") or len(shape.get("id2label", ())) != 1:
        raise ValueError(
            f"{folder} is no reward model: its config.json says {kind or 'no architecture'}, and needed is one "
            "*ForSequenceClassification with a single label"
        )


def _conversations(
    answers: Sequence[Completion], asked: Mapping[str, Prompt], encoder: Encoder
) -> Iterator[tuple[int, ...]]:
    """Yield the ids of each question with its answer."""
    for prompt in asked.values():
        if not prompt.messages:
            raise ValueError(f"prompt {prompt.id} is raw text; a reward model reads turns")
    conversations = [[*asked[answer.prompt_id].messages, Message("assistant", answer.text)] for answer in answers]
    for encoded in encoder.conversations(conversations):
        yield tuple(encoded.ids)


def _scores(
    model: PreTrainedModel, sequences: Sequence[Sequence[int]], pad_id: int, micro_batch_tokens: int
) -> Iterator[tuple[int, float]]:
    """Yield place and score of each sequence; those of like length are read together."""
    from zhiyin.inference.batches import cut_by_length
    from zhiyin.weights.budget import Budget, in_parts

    def compute(part: Part[int]) -> list[float]:
        return _batch(model, [sequences[place] for place in part.items], pad_id)

    places = list(range(len(sequences)))
    cut = cut_by_length([len(one) for one in sequences])
    done = 0
    for part, found in in_parts(places, cut, compute, Budget.of(micro_batch_tokens), "rating answers"):
        yield from zip(part.items, found, strict=True)
        done += len(part.items)
        progress.report(done, len(sequences), "answers")


def _batch(model: PreTrainedModel, sequences: Sequence[Sequence[int]], pad_id: int) -> list[float]:
    """Return the score [B] at the last token of each sequence.

    The class's own way to find that token is to look for the last one that is not padding, which is wrong for models
    that pad with the token that ends a turn.
    """
    import torch

    head: Any = model.score
    lengths_B = torch.tensor([len(one) for one in sequences])
    width = int(lengths_B.max())
    ids_BT = torch.tensor([[*one, *[pad_id] * (width - len(one))] for one in sequences])
    mask_BT = torch.arange(width) < lengths_B[:, None]
    with torch.inference_mode():
        hidden_BTH = model.base_model(
            input_ids=ids_BT.to(model.device), attention_mask=mask_BT.long().to(model.device), use_cache=False
        ).last_hidden_state
        last_BH = hidden_BTH[torch.arange(len(sequences)), lengths_B.to(model.device) - 1]
        scores_B: list[float] = head(last_BH)[:, 0].float().tolist()
    return scores_B
