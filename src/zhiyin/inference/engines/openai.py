"""Answers by a server that speaks OpenAI's API: a judge elsewhere, or vLLM, llama.cpp and Ollama beside."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.chat.templates import Template
from zhiyin.execution.runtime import Runtime
from zhiyin.inference.access import Access
from zhiyin.inference.engines import Advance, Dtype, Engine, Question, Session
from zhiyin.inference.sampling import Sampling
from zhiyin.locale.words import retell
from zhiyin.records.prompt import Completion, Prompt

if TYPE_CHECKING:
    from zhiyin.inference.endpoint import Endpoint
    from zhiyin.inference.replies import Json, Request

REPLIES = "replies"
"""The folder of kept replies, under the one that `open` is given."""


class OpenAi(Engine):
    """Messages go to `/chat/completions`, raw prompts to `/completions`; the server renders and tokenizes.

    Every reply is kept beside the unfinished step, so a killed run pays none of them twice. Choices are scored by the
    log-probabilities of the likeliest first tokens, where the server gives them, so each choice must be one token.
    """

    reads_model: ClassVar[bool] = False

    endpoint: str = Field(pattern=r"^https?://[^\s?#]+$")
    """The address up to the version, such as `http://localhost:8000/v1`."""
    model: str = Field(min_length=1)
    """The model's name there; one that names its version stays comparable."""
    top_logprobs: int = Field(default=20, ge=1)
    """How many of the likeliest first tokens are asked for, to score choices."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls the longest answer; newer models of OpenAI take `max_completion_tokens` alone."""
    extra: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """Further fields of each request, such as `reasoning_effort: low`."""
    access: Access = Field(default_factory=Access, exclude=True)
    """Key, concurrency, patience and prices: not part of the identity."""

    def open(
        self,
        model: Path | Checkpoint | Adapter | None,
        *,
        template: Template | None,
        dtype: Dtype,
        runtime: Runtime,
        keep: Path | None = None,
    ) -> OpenAiSession:
        """See `Engine`. Nothing is sent yet; raises `ValueError` for what only a model of this machine can have."""
        from zhiyin.inference.endpoint import Endpoint
        from zhiyin.inference.replies import Replies

        for given, name in ((model, "model"), (template, "template"), (dtype != "float32" or None, "dtype")):
            if given is not None:
                raise ValueError(f"{name}: the server at {self.endpoint} has its own; take `{name}` away")
        self.access.key()
        return OpenAiSession(self, Endpoint(self.access, Replies(keep / REPLIES if keep else None)))

    def forecast(self, prompts: Sequence[Prompt], max_new_tokens: int) -> Iterator[str]:
        """See `Engine`."""
        from zhiyin.inference.openai_replies import rough_tokens

        asked = [(rough_tokens(_text(one)), one.samples, 1 if one.choices else max_new_tokens) for one in prompts]
        count = sum(samples for _, samples, _ in asked)
        reads = sum(tokens * samples for tokens, samples, _ in asked)
        yield retell(self.told(count, reads, sum(samples * limit for _, samples, limit in asked)))

    def told(self, requests: int, prompt_tokens: int, tokens: int) -> str:
        """Say what so many requests take, and what they cost at most."""
        if cost := self.access.cost(prompt_tokens, tokens):
            return (
                f"{self.endpoint}: {requests} requests to {self.model}, about {prompt_tokens} tokens to read and at "
                f"most {tokens} to write, at most {cost:.2f} at the given prices"
            )
        return (
            f"{self.endpoint}: {requests} requests to {self.model}, about {prompt_tokens} tokens to read and at "
            f"most {tokens} to write"
        )


def _text(prompt: Prompt) -> str:
    return "".join(turn.content for turn in prompt.messages) or prompt.text or ""


class OpenAiSession(Session):
    """A server, and the replies it gave so far."""

    template = "server"

    def __init__(self, engine: OpenAi, endpoint: Endpoint) -> None:
        self._engine = engine
        self._endpoint = endpoint

    def generate(self, questions: Sequence[Question], sampling: Sampling, advance: Advance) -> list[Completion]:
        """See `Session`. Temperature and `top_p` are the server's affair; so is how far it honours `seed`."""
        from zhiyin.inference.openai_replies import generated

        requests = [self._generation(question, sampling) for question in questions]
        self._estimate(requests, sampling.max_new_tokens)
        return self._endpoint.ask(requests, generated, advance)

    def score(self, prompts: Sequence[Prompt], advance: Advance) -> list[Completion]:
        """See `Session`.

        A choice outside the listed tokens gets the log-probability of the last listed one, a bound from above, and
        the trace names it; where no choice is listed there is no score. Raises `ValueError` when the server lists no
        tokens, or a choice may be longer than a token.
        """
        from zhiyin.inference.openai_replies import listed, ranked

        requests = [self._scoring(prompt) for prompt in prompts]
        asked = {request.key: prompt for request, prompt in zip(requests, prompts, strict=True)}

        def read(request: Request, reply: Json) -> Completion:
            return ranked(asked[request.key], listed(reply), self._engine.endpoint)

        self._estimate(requests, 1)
        return self._endpoint.ask(requests, read, advance)

    def stream(self, question: Question, sampling: Sampling) -> Generator[str, None, Completion]:
        """See `Session`."""
        from zhiyin.inference.openai_replies import Pieces, generated

        request = self._generation(question, sampling)
        if (kept := self._endpoint.replies.find(request)) is not None:
            completion = generated(request, kept)
            yield completion.text
            return completion
        pieces = Pieces()
        for event in self._endpoint.stream(self._streamed(request)):
            if text := pieces.add(event):
                yield text
        reply = pieces.whole()
        self._endpoint.replies.keep(request, reply)
        return generated(request, reply)

    def _generation(self, question: Question, sampling: Sampling) -> Request:
        settings: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
        if not sampling.greedy:
            name = f"{sampling.seed}/{question.stream}".encode()
            settings["seed"] = int.from_bytes(hashlib.sha256(name).digest()[:4]) >> 1
        return self._request(question.prompt, sampling.max_new_tokens, settings, f"{sampling.seed}/{question.stream}")

    def _scoring(self, prompt: Prompt) -> Request:
        asked = self._engine.top_logprobs
        listing: dict[str, Any] = {"logprobs": True, "top_logprobs": asked} if prompt.messages else {"logprobs": asked}
        return self._request(prompt, 1, {"temperature": 0.0, **listing}, f"choices/{prompt.id}")

    def _request(self, prompt: Prompt, limit: int, settings: Mapping[str, Any], stream: str) -> Request:
        from zhiyin.inference.replies import Request

        if prompt.add_bos is not None:
            raise ValueError(f"prompt {prompt.id} settles its BOS, which a server does itself; ask a local model")
        limited = self._engine.limit_field if prompt.messages else "max_tokens"
        body: Json = {"model": self._engine.model, limited: limit, **settings, **self._engine.extra}
        if prompt.messages:
            body["messages"] = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
        else:
            body["prompt"] = prompt.text or ""
        path = "chat/completions" if prompt.messages else "completions"
        return Request(prompt.id, f"{self._engine.endpoint.rstrip('/')}/{path}", body, stream)

    @staticmethod
    def _streamed(request: Request) -> Request:
        from zhiyin.inference.replies import Request

        body = {**request.body, "stream": True, "stream_options": {"include_usage": True}}
        return Request(request.prompt_id, request.url, body, request.stream)

    def _estimate(self, requests: Sequence[Request], max_new_tokens: int) -> None:
        """Say what is about to be asked, and what it costs at most."""
        from zhiyin.inference.openai_replies import rough_tokens, said_in

        missing = [request for request in requests if self._endpoint.replies.find(request) is None]
        logger, engine = logging.getLogger(__name__), self._engine
        if kept := len(requests) - len(missing):
            logger.info(f"{engine.endpoint}: {kept} replies are kept from before")
        if missing:
            tokens = sum(rough_tokens(said_in(request)) for request in missing)
            logger.info(engine.told(len(missing), tokens, max_new_tokens * len(missing)))
