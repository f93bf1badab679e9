"""After training: a few questions, answered greedily, to see whether the model ends its answers.

A stop token that was not learnt shows here and nowhere in the loss. The room of answers is not asked: a few lines of
the library's own generation are enough, and rooms do not know each other.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from zhiyin.chat.encode import Encoder
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.training.watch import Guards

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MOSTLY_UNENDED = 0.5
"""Share of answers with a stop token below which people are warned."""


def probe(
    model: PreTrainedModel,
    records: Iterable[Conversation | Preference | Document],
    encoder: Encoder,
    guards: Guards,
    micro_batch_tokens: int,
    *,
    apart_from: Collection[str] = (),
) -> list[Completion]:
    """Ask the model what `guards.probes` of the records ask, and warn when most answers do not end.

    Under several processes all of them do the same, since a model cut over them answers only together.
    """
    asked = questions(records, guards.probes, apart_from=apart_from)
    found = answers(model, asked, encoder, max_new_tokens=guards.probe_tokens, micro_batch_tokens=micro_batch_tokens)
    ended = sum(one.stopped == "stop" for one in found)
    if ended < len(found) * MOSTLY_UNENDED and os.environ.get("RANK", "0") == "0":
        logging.getLogger(__name__).warning(
            f"only {ended} of {len(found)} probes ended by a stop token within {guards.probe_tokens} tokens; "
            "the model may not have learnt to stop: probes.jsonl holds its answers"
        )
    return found


def questions(
    records: Iterable[Conversation | Preference | Document], count: int, *, apart_from: Collection[str] = ()
) -> list[Prompt]:
    """Return what `count` records ask, evenly spread over all; those in `apart_from`, by id, are passed over.

    Running text asks nothing.
    """
    found = [
        Prompt(record.id, asked)
        for record in records
        if not isinstance(record, Document) and record.id not in apart_from and (asked := _asked(record))
    ]
    wanted = min(count, len(found))
    return [found[number * len(found) // wanted] for number in range(wanted)]


def _asked(record: Conversation | Preference) -> tuple[Message, ...]:
    """Return the turns before the last answer."""
    if isinstance(record, Preference):
        return record.prompt
    last = max((at for at, message in enumerate(record.messages) if message.role == "assistant"), default=0)
    return record.messages[:last]


def answers(
    model: PreTrainedModel, prompts: Sequence[Prompt], encoder: Encoder, *, max_new_tokens: int, micro_batch_tokens: int
) -> list[Completion]:
    """Return the greedy answer to each prompt, in order; a prompt keeps the end that the model has room for."""
    import torch

    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    room = max(1, positions - max_new_tokens) if positions else None
    ids = [encoder.prompt(prompt.messages)[-room:] if room else encoder.prompt(prompt.messages) for prompt in prompts]
    found: dict[int, Completion] = {}
    was_training = model.training
    with torch.no_grad(), _plain_attention(model):
        model.eval()
        for group in _alike(ids, max_new_tokens, micro_batch_tokens):
            for number, answer in zip(
                group, _generate(model, [ids[n] for n in group], encoder, max_new_tokens), strict=True
            ):
                found[number] = _completion(prompts[number], ids[number], answer, encoder)
        model.train(was_training)
    return [found[number] for number in range(len(prompts))]


def summary(found: Sequence[Completion]) -> dict[str, int | float]:
    """Return the number of answers, the share that ended by a stop token, and their mean length in tokens."""
    stopped = sum(one.stopped == "stop" for one in found)
    mean = sum(one.tokens for one in found) / len(found)
    return {"count": len(found), "stopped": round(stopped / len(found), 4), "mean_tokens": round(mean, 1)}


def _alike(ids: Sequence[Sequence[int]], new: int, budget: int) -> Iterator[list[int]]:
    """Yield the numbers of prompts for one batch, alike in length, of at most `budget` padded tokens (one at least)."""
    group: list[int] = []
    for number in sorted(range(len(ids)), key=lambda number: len(ids[number])):
        if group and (len(group) + 1) * (len(ids[number]) + new) > budget:
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def _generate(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], encoder: Encoder, max_new_tokens: int
) -> list[list[int]]:
    """Return the new tokens of each prompt, the stop token among them; rows are padded on the left and masked."""
    import torch
    from transformers import GenerationConfig

    width = max(map(len, prompts))
    rows = [[encoder.pad_id] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=list(encoder.stop_ids),
        pad_token_id=encoder.pad_id,
    )
    ids_BT = cast("Any", model).generate(
        input_ids=torch.tensor(rows, device=model.device),
        attention_mask=torch.tensor(mask, device=model.device),
        generation_config=settings,
    )
    return [_until(row[width:], encoder.stop_ids) for row in ids_BT.tolist()]


def _until(ids: list[int], stops: Collection[int]) -> list[int]:
    """Cut off what pads a row that ended before the others."""
    return ids[: next((place for place, token in enumerate(ids, start=1) if token in stops), len(ids))]


def _completion(prompt: Prompt, ids: Sequence[int], answer: list[int], encoder: Encoder) -> Completion:
    stopped = bool(answer) and answer[-1] in encoder.stop_ids
    text: str = encoder.tokenizer.decode(answer[:-1] if stopped else answer, skip_special_tokens=True)
    return Completion(
        prompt.id, text=text, stopped="stop" if stopped else "length", tokens=len(answer), prompt_tokens=len(ids)
    )


@contextmanager
def _plain_attention(model: Any) -> Iterator[None]:
    """Let the model use the library's plain attention, since that for packed rows knows no cache."""
    from transformers import GenerationConfig

    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    own = inner.config._attn_implementation
    inner.set_attn_implementation("eager")
    own_settings = model.generation_config
    # What our settings leave open, `generate` fills in from the checkpoint's own: those must say nothing.
    model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        inner.set_attn_implementation(own)
        model.generation_config = own_settings
