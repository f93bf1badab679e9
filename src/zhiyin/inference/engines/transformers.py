"""Answers with Hugging Face transformers in this process: batched generation, and exact scores of choices."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.chat.templates import Template
from zhiyin.execution.runtime import Runtime
from zhiyin.inference.engines import Advance, Dtype, Engine, Question, Session
from zhiyin.inference.sampling import Sampling
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.weights.budget import Budget

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from zhiyin.chat.encode import Encoder
    from zhiyin.inference.generation import Request


class Transformers(Engine):
    """Loads a checkpoint, or an adapter on its checkpoint, onto `Runtime.device`.

    Every answer depends on its own prompt and seed; `Runtime.micro_batch_tokens` moves it by rounding at most.
    """

    def open(
        self,
        model: Path | Checkpoint | Adapter | None,
        *,
        template: Template | None,
        dtype: Dtype,
        runtime: Runtime,
        keep: Path | None = None,
    ) -> TransformersSession:
        """See `Engine`; nothing is kept."""

        from zhiyin.chat.template import load_encoder
        from zhiyin.weights.load import load_model, pick_device

        if model is None:
            raise ValueError("the engine transformers needs a model to open")
        folder = model if isinstance(model, Path) else model.path
        encoder = load_encoder(folder, template)
        loaded = load_model(model, device=pick_device(runtime.device), dtype=dtype)
        return TransformersSession(loaded, encoder, runtime.micro_batch_tokens)


class TransformersSession(Session):
    """A model in memory, its encoder, and the room there is for a batch."""

    def __init__(self, model: PreTrainedModel, encoder: Encoder, micro_batch_tokens: int) -> None:
        from zhiyin.inference.generation import Generator

        # An adapter lives inside the layers of the model it wraps; only the wrapper changes how `generate` is called.
        unwrap: Callable[[], PreTrainedModel] | None = getattr(model, "get_base_model", None)
        self._model = unwrap() if unwrap else model
        self._encoder = encoder
        # One budget for the whole session: a lack of memory is met once.
        self._budget = Budget.of(micro_batch_tokens)
        self._generator = Generator(self._model, encoder.stop_ids, encoder.pad_id)
        self._positions: int | None = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self.template = encoder.template.name

    def generate(self, questions: Sequence[Question], sampling: Sampling, advance: Advance) -> list[Completion]:
        """See `Session`."""
        requests = [self._request(question, sampling) for question in questions]
        answers = self._generator.generate(
            [request for request, _ in requests],
            sampling,
            micro_batch_tokens=self._budget,
            advance=advance,
        )
        return [
            self._completion(question, answer, *request)
            for question, answer, request in zip(questions, answers, requests, strict=True)
        ]

    def score(self, prompts: Sequence[Prompt], advance: Advance) -> list[Completion]:
        """See `Session`."""
        from zhiyin.inference.choices import log_probabilities
        from zhiyin.inference.encoding import continuations

        whole = continuations(prompts, self._encoder)
        asked = [[one.within(self._positions) for one in choices] for choices in whole]
        found = iter(
            log_probabilities(
                self._model,
                [one for choices in asked for one in choices],
                micro_batch_tokens=self._budget,
                advance=_prompts_of(prompts, advance),
            )
        )
        return [
            Completion(
                prompt.id,
                choice_logprobs=tuple(next(found) for _ in choices),
                choice_tokens=tuple(len(one.tokens) for one in choices),
                prompt_tokens=max(len(one.context) for one in choices),
                truncated=choices != uncut,
            )
            for prompt, choices, uncut in zip(prompts, asked, whole, strict=True)
        ]

    def stream(self, question: Question, sampling: Sampling) -> Generator[str, None, Completion]:
        """See `Session`."""
        from zhiyin.inference.streaming import pieces

        if self._positions is not None:
            # Who talks names no limit: half of what the model takes is always left to the conversation.
            sampling = replace(sampling, max_new_tokens=min(sampling.max_new_tokens, self._positions // 2))
        request, truncated = self._request(question, sampling)
        answer: list[int] = []

        def texts() -> Iterator[int]:
            for token in self._generator.stream(request, sampling):
                answer.append(token)
                if token not in self._encoder.stop_ids:
                    yield token

        yield from pieces(texts(), self._decode)
        return self._completion(question, tuple(answer), request, truncated)

    def _request(self, question: Question, sampling: Sampling) -> tuple[Request, bool]:
        """Return the prompt as ids, its head cut off to leave room for the answer, and whether that was needed."""
        from zhiyin.inference.encoding import question_ids
        from zhiyin.inference.generation import Request

        ids = question_ids(question.prompt, self._encoder)
        room = len(ids) if self._positions is None else self._positions - sampling.max_new_tokens
        if room < 1:
            raise ValueError(
                f"max_new_tokens is {sampling.max_new_tokens}, but the model takes {self._positions} tokens, "
                "prompt and answer together; lower max_new_tokens"
            )
        return Request(ids[-room:], question.stream), len(ids) > room

    def _completion(self, question: Question, answer: tuple[int, ...], request: Request, truncated: bool) -> Completion:
        stopped = bool(answer) and answer[-1] in self._encoder.stop_ids
        kept = answer[:-1] if stopped else answer
        return Completion(
            question.prompt.id,
            text=self._decode(kept),
            stopped="stop" if stopped else "length",
            tokens=len(answer),
            prompt_tokens=len(request.ids),
            truncated=truncated,
        )

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self._encoder.tokenizer.decode(list(ids), skip_special_tokens=True)
        return text


def _prompts_of(prompts: Sequence[Prompt], advance: Advance) -> Advance:
    """Turn "choices finished" into "prompts finished", in proportion: a batch does not end where a prompt does."""
    choices = sum(len(prompt.choices) for prompt in prompts)
    done = told = 0

    def advanced(finished: int) -> None:
        nonlocal done, told
        done += finished
        reached = done * len(prompts) // choices
        advance(reached - told)
        told = reached

    return advanced
