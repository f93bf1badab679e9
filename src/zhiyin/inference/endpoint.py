"""Asking an HTTP endpoint many questions at once, and insisting until each is answered. The only HTTP client."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from zhiyin.inference.access import Access
from zhiyin.inference.faults import Fault, Malformed, Refused, fault_of, pause_after
from zhiyin.inference.replies import Json, Replies, Request

if TYPE_CHECKING:
    import httpx2

R = TypeVar("R")
Reader = Callable[[Request, Json], R]
"""Makes something of a request and its reply. Raises `Malformed` for a reply that is none, and is to be asked again."""


@dataclass
class Endpoint:
    """A server's replies, asked for over HTTP or found again."""

    access: Access
    replies: Replies
    faults: Counter[str] = field(default_factory=Counter)
    """What went wrong and was asked again, by kind."""

    def ask(self, requests: Sequence[Request], read: Reader[R], advance: Callable[[int], None]) -> list[R]:
        """Return what `read` makes of each reply, in order. A reply is on disk before anything else is done with it.

        Raises `Refused`, with address and prompt id, or what `read` raises, once all requests under way have ended.
        """
        unique = {request.key: request for request in requests}
        kept = {key: reply for key, one in unique.items() if (reply := self.replies.find(one)) is not None}
        found = {key: read(unique[key], reply) for key, reply in kept.items()}
        missing = [request for key, request in unique.items() if key not in found]
        advance(len(requests) - len(missing))
        if missing:
            self.access.key()
            rush = _Rush(self, read, advance)
            asyncio.run(rush.all(missing))
            found |= rush.found
        return [found[request.key] for request in requests]

    def stream(self, request: Request) -> Iterator[Json]:
        """Yield the events of one reply as they come. Until the first one, it is asked for as often as `ask` does.

        Raises `RuntimeError` when the reply breaks off.
        """
        import httpx2

        with httpx2.Client(headers=self.headers(request), timeout=self.access.timeout) as client:
            for attempt in range(1, self.access.attempts + 1):
                begun = False
                try:
                    with client.stream("POST", request.url, content=_bytes(request.body)) as response:
                        fault = self._refusal(response) if response.status_code != httpx2.codes.OK else None
                        for event in () if fault else _events(response.iter_lines()):
                            begun = True
                            yield event
                except (httpx2.RequestError, Malformed) as error:
                    if begun:
                        raise RuntimeError(f"{_said(request)}: the reply broke off: {_named(error)}") from error
                    fault = Fault(_named(error))
                if fault is None:
                    return
                time.sleep(self.pause(request, fault, attempt))

    def headers(self, request: Request) -> dict[str, str]:
        """Return what goes with a request. A server that knows `Idempotency-Key` makes a lost reply only once."""
        key = self.access.key()
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        return {"Content-Type": "application/json", "Idempotency-Key": request.key, **authorization}

    def fault(self, response: httpx2.Response) -> Fault:
        """Say why a response that was read, and is not 200, is no reply."""
        said = f"{response.status_code} {response.reason_phrase}".strip()
        return fault_of(said, response.status_code, response.headers, response.text, self.access)

    def pause(self, request: Request, fault: Fault, attempt: int) -> float:
        """Return the seconds to wait, counting the fault; raises `Refused` when waiting is of no use."""
        seconds = pause_after(fault, attempt, _said(request), self.access)
        self.faults[fault.said] += 1
        return seconds

    def tell(self, url: str) -> None:
        """Say what had to be asked again since this was last told."""
        if self.faults:
            times = ", ".join(f"{count} x {said}" for said, count in self.faults.most_common())
            logging.getLogger(__name__).info(f"{url}: asked again after {times}")
            self.faults.clear()

    def _refusal(self, response: httpx2.Response) -> Fault:
        response.read()
        return self.fault(response)


class _Rush(Generic[R]):
    """One lot of requests under way: workers that take the next one until none is left or one is refused."""

    def __init__(self, endpoint: Endpoint, read: Reader[R], advance: Callable[[int], None]) -> None:
        self.endpoint, self.read, self.advance = endpoint, read, advance
        self.found: dict[str, R] = {}
        self.refusal: Exception | None = None
        self.pause_until = 0.0

    async def all(self, requests: Sequence[Request]) -> None:
        """Ask all of them, as many at once as allowed; what is under way when one is refused still ends and is kept."""
        import httpx2

        waiting = iter(requests)
        workers = min(self.endpoint.access.concurrency, len(requests))
        limits = httpx2.Limits(max_connections=workers, max_keepalive_connections=workers)
        async with httpx2.AsyncClient(limits=limits, timeout=None) as client:
            await asyncio.gather(*(self._work(client, waiting) for _ in range(workers)))
        self.endpoint.tell(requests[0].url)
        if self.refusal is not None:
            raise self.refusal

    async def _work(self, client: httpx2.AsyncClient, waiting: Iterator[Request]) -> None:
        for request in waiting:
            try:
                await self._insist(client, request)
            except (Refused, ValueError, OSError) as refusal:
                self.refusal = self.refusal or refusal

    async def _insist(self, client: httpx2.AsyncClient, request: Request) -> None:
        """Ask until there is a reply; gives up, without one, when another request was refused meanwhile."""
        attempt = 0
        while self.refusal is None:
            if (left := self.pause_until - time.monotonic()) > 0:
                await asyncio.sleep(left)
                continue
            attempt += 1
            fault = await self._attempt(client, request)
            if fault is None:
                self.advance(1)
                return
            pause = self.endpoint.pause(request, fault, attempt)
            if fault.pause is not None:  # what one was told holds for all
                self.pause_until = max(self.pause_until, time.monotonic() + fault.pause)
            await asyncio.sleep(pause)

    async def _attempt(self, client: httpx2.AsyncClient, request: Request) -> Fault | None:
        """Send a request once and keep its reply, or say why there is none."""
        import httpx2

        try:
            async with asyncio.timeout(self.endpoint.access.timeout):
                headers = self.endpoint.headers(request)
                response = await client.post(request.url, content=_bytes(request.body), headers=headers)
        except TimeoutError:
            return Fault(f"no reply within {self.endpoint.access.timeout:g} seconds")
        except httpx2.RequestError as error:
            return Fault(_named(error))
        if response.status_code != httpx2.codes.OK:
            return self.endpoint.fault(response)
        try:
            reply = _object(response.content)
            read = self.read(request, reply)
        except Malformed as error:
            return Fault(f"a reply that is none ({error})")
        self.endpoint.replies.keep(request, reply)  # nothing is awaited between the reply and the disk
        self.found[request.key] = read
        return None


def _said(request: Request) -> str:
    return f"{request.url}: prompt {request.prompt_id}"


def _bytes(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8")


def _object(text: bytes | str) -> Json:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Malformed("not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("no JSON object")
    return value


def _events(lines: Iterator[str]) -> Iterator[Json]:
    """Yield the JSON of each server-sent event; raises `Malformed` when the stream ends without its `[DONE]`."""
    for line in lines:
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data == "[DONE]":
            return
        if data:
            yield _object(data)
    raise Malformed("the stream has no end")


def _named(error: Exception) -> str:
    name = type(error).__name__
    return f"{name}: {error}" if str(error) else name
