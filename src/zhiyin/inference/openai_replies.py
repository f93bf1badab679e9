"""What stands in a reply of OpenAI's API: a text and why it ended, or the likeliest tokens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from zhiyin.inference.faults import Malformed
from zhiyin.inference.replies import Json, Request
from zhiyin.records.prompt import Completion, Prompt

CHARACTERS = 4
"""ASCII characters of a token, roughly; any other character counts as a token of its own."""
ENDS: dict[str, Literal["stop", "length"]] = {"stop": "stop", "length": "length"}
"""Why an answer ends in the ordinary way."""


@dataclass(frozen=True)
class Listed:
    """The likeliest first tokens of an answer, with their log-probabilities."""

    tokens: dict[str, float] | None
    """None when the server lists none."""
    prompt_tokens: int


def generated(request: Request, reply: Json) -> Completion:
    """Read a reply to a question; raises `Malformed` for one without a text or a reason to end.

    The trace keeps what a reasoning model thought, and any other reason than stop and length for which it ended.
    Tokens are 0 where the server does not count them.
    """
    first = _first(reply)
    message = first.get("message")
    text = message.get("content") if isinstance(message, dict) else first.get("text")
    ended = first.get("finish_reason")
    if not isinstance(ended, str) or not (isinstance(text, str) or (text is None and isinstance(message, dict))):
        raise Malformed("no text, or no reason why it ended")
    thought = message.get("reasoning_content") if isinstance(message, dict) else None
    other = None if ended in ENDS else f"finish_reason: {ended}"
    return Completion(
        request.prompt_id,
        text=text or "",
        stopped=ENDS.get(ended, ""),
        tokens=_used(reply, "completion_tokens"),
        prompt_tokens=_used(reply, "prompt_tokens"),
        trace="\n".join(each for each in (thought, other) if isinstance(each, str) and each) or None,
    )


def listed(reply: Json) -> Listed:
    """Read the likeliest tokens out of a reply of either kind; raises `Malformed` for a list of another shape."""
    found = _first(reply).get("logprobs")
    try:
        if isinstance(found, dict) and isinstance(found.get("content"), list) and found["content"]:
            pairs = [(each["token"], each["logprob"]) for each in found["content"][0]["top_logprobs"]]
        elif isinstance(found, dict) and found.get("top_logprobs"):
            pairs = list(found["top_logprobs"][0].items())
        else:
            pairs = []
        # Halves of characters look alike: the likeliest of them counts.
        tokens = dict(sorted(((str(token), float(value)) for token, value in pairs), key=lambda pair: pair[1]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed("its top_logprobs are of another shape") from error
    return Listed(tokens or None, _used(reply, "prompt_tokens"))


def ranked(prompt: Prompt, reply: Listed, where: str) -> Completion:
    """Return the log-probabilities of a prompt's choices; see `OpenAiSession.score`. `where` is the address."""
    if reply.tokens is None:
        raise ValueError(
            f"prompt {prompt.id}: {where} gives no top_logprobs, so it cannot score choices; "
            "ask for a text (`protocol: generate`), or score with the engine transformers"
        )
    for choice in prompt.choices:
        begun = [token for token in reply.tokens if token.strip() and token != choice and choice.startswith(token)]
        if choice not in reply.tokens and begun:
            raise ValueError(
                f"prompt {prompt.id}: the choice {choice!r} is longer than the token {begun[0]!r}, and {where} scores "
                "single tokens alone; ask for a text, or score with the engine transformers"
            )
    bound = min(reply.tokens.values())
    missing = [choice for choice in prompt.choices if choice not in reply.tokens]
    none = len(missing) == len(prompt.choices)
    trace = {"bounded" if not none else "not listed": missing, "listed": reply.tokens}
    return Completion(
        prompt.id,
        choice_logprobs=() if none else tuple(reply.tokens.get(choice, bound) for choice in prompt.choices),
        choice_tokens=() if none else (1,) * len(prompt.choices),
        prompt_tokens=reply.prompt_tokens,
        trace=json.dumps(trace, ensure_ascii=False) if missing else None,
    )


def rough_tokens(text: str) -> int:
    """Estimate the tokens of a text, without a tokenizer."""
    plain = sum(character.isascii() for character in text)
    return len(text) - plain + -(-plain // CHARACTERS)


def said_in(request: Request) -> str:
    """Return the text of a request's prompt."""
    turns = request.body.get("messages")
    return "".join(turn["content"] for turn in turns) if turns else str(request.body.get("prompt", ""))


@dataclass
class Pieces:
    """A streamed reply, put together again."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    ended: str = ""
    usage: Json = field(default_factory=dict)

    def add(self, event: Json) -> str:
        """Take in one event, and return the text it adds."""
        if isinstance(event.get("usage"), dict):
            self.usage = event["usage"]
        if not event.get("choices"):
            return ""
        first = _first(event)
        delta = first.get("delta")
        piece = delta.get("content") if isinstance(delta, dict) else first.get("text")
        if isinstance(delta, dict) and isinstance(delta.get("reasoning_content"), str):
            self.thoughts.append(delta["reasoning_content"])
        self.ended = first.get("finish_reason") or self.ended
        self.texts.append(piece or "")
        return piece or ""

    def whole(self) -> Json:
        """Return the reply that the server would have given in one piece."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.texts)}
        if self.thoughts:
            message["reasoning_content"] = "".join(self.thoughts)
        return {"choices": [{"message": message, "finish_reason": self.ended or "stop"}], "usage": self.usage}


def _first(reply: Json) -> Mapping[str, Any]:
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Malformed("it has no choices")
    first: dict[str, Any] = choices[0]
    return first


def _used(reply: Json, name: str) -> int:
    usage = reply.get("usage")
    count = usage.get(name) if isinstance(usage, dict) else 0
    return count if isinstance(count, int) else 0
