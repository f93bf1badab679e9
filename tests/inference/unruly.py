"""A real HTTP server on this machine that speaks OpenAI's API, and misbehaves on purpose."""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
Trouble = Callable[[str, int], str | None]
"""Names what goes wrong with a request (by what it asks, and how often it came before), or None."""

BROKEN = ("drop", "cut", "hang", "drip", "html", "no choices", "no text", "truncated json")
"""Troubles below the level of statuses."""


def well_behaved(asked: str, before: int) -> str | None:
    return None


@dataclass
class Record:
    """What the server saw and sent; a request is known by its path and body."""

    tries: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    """Whole replies sent."""
    troubles: Counter[str] = field(default_factory=Counter)
    bodies: list[tuple[str, Body]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    """Requests under way at once, at most."""


@dataclass
class Unruly:
    """A server, what it answers, and what it does wrong."""

    reply: Callable[[str, Body], Body]
    trouble: Trouble = well_behaved
    delay: float = 0.0
    """Seconds that a good reply takes."""
    remembers: bool = False
    """A request whose `Idempotency-Key` was answered before gets that answer again, and pays nothing."""
    hold_after: int | None = None
    """Once that many replies were sent, the others are held back until `released`."""
    record: Record = field(default_factory=Record)
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)
    made: dict[str, Body] = field(default_factory=dict)
    url: str = ""

    def may_answer(self, key: str) -> bool:
        """Count a reply about to be sent, unless it has to be held back."""
        while True:
            with self.lock:
                if self.hold_after is None or self.record.paid.total() < self.hold_after:
                    self.record.paid[key] += 1
                    return True
            if self.released.wait(0.02):
                return False


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: "Listener"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = f"{self.path} {json.dumps(body, sort_keys=True, ensure_ascii=False)}"
        unruly = self.server.unruly
        with unruly.lock:
            record = unruly.record
            before = record.tries[key]
            record.tries[key] += 1
            record.bodies.append((self.path, body))
            record.headers.append(dict(self.headers))
            record.under_way += 1
            record.most = max(record.most, record.under_way)
        try:
            if trouble := unruly.trouble(asked(body), before):
                with unruly.lock:
                    record.troubles[trouble] += 1
                self.misbehave(trouble)
                return
            time.sleep(unruly.delay)
            again = self.headers["Idempotency-Key"]
            if unruly.remembers and again in unruly.made:
                self.answer(unruly.made[again], stream=bool(body.get("stream")))
            elif unruly.may_answer(key):
                unruly.made[again] = unruly.reply(self.path, body)
                self.answer(unruly.made[again], stream=bool(body.get("stream")))
            else:
                self.hang_up()
        finally:
            with unruly.lock:
                record.under_way -= 1

    def misbehave(self, trouble: str) -> None:
        kind, _, detail = trouble.partition(" after ")
        if kind.isdigit():
            told = {"Retry-After": detail} if detail else {}
            error = {"error": {"message": f"trouble {kind}", "code": "insufficient_quota" if "spent" in detail else ""}}
            self.send(int(kind), json.dumps(error).encode(), told)
        elif kind == "drop":
            self.hang_up()
        elif kind == "hang":
            self.server.unruly.released.wait(3.0)
            self.hang_up()
        elif kind == "drip":
            self.send(200, b"{", {}, length=5000)
            while not self.server.unruly.released.wait(0.1):
                self.wfile.write(b" ")
                self.wfile.flush()
        elif kind == "cut stream":
            event = {"choices": [{"delta": {"content": "春眠"}, "finish_reason": None}]}
            self.send(200, f"data: {json.dumps(event)}\n\n".encode(), {"Content-Type": "text/event-stream"})
        elif kind == "cut":
            self.send(200, b'{"choices": [{"message": ', {}, length=5000)
            self.hang_up()
        else:
            bodies = {
                "html": b"<html>502 Bad Gateway</html>",
                "no choices": b'{"choices": []}',
                "no text": b'{"choices": [{"finish_reason": "stop"}]}',
                "truncated json": b'{"choices": [{"message": {"content": "10',
            }
            self.send(200, bodies[kind], {})

    def answer(self, reply: Body, *, stream: bool) -> None:
        if not stream:
            self.send(200, json.dumps(reply, ensure_ascii=False).encode(), {})
            return
        (choice,) = reply["choices"]
        text = choice["message"]["content"]
        parts = [text[start : start + 2] for start in range(0, len(text), 2)]
        events: list[Body] = [{"choices": [{"delta": {"content": part}, "finish_reason": None}]} for part in parts]
        events.append({"choices": [{"delta": {}, "finish_reason": choice["finish_reason"]}]})
        events.append({"choices": [], "usage": reply["usage"]})
        lines = [f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events]
        self.send(200, "".join([*lines, "data: [DONE]\n\n"]).encode(), {"Content-Type": "text/event-stream"})

    def send(self, status: int, content: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length or len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def hang_up(self) -> None:
        """End the connection at once, as a crashed server does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def handle(self) -> None:
        """Serve until the client goes, however it goes."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Listener(ThreadingHTTPServer):
    """The server in its thread."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, unruly: Unruly) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.unruly = unruly


@contextmanager
def listening(unruly: Unruly) -> Iterator[Unruly]:
    """Serve while the block runs; the address is `unruly.url`."""
    with Listener(unruly) as listener:
        unruly.url = f"http://127.0.0.1:{listener.server_address[1]}/v1"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield unruly
        finally:
            unruly.released.set()
            listener.shutdown()
            thread.join()


def asked(body: Body) -> str:
    """Return the last thing said in a request."""
    return str(body["messages"][-1]["content"] if "messages" in body else body["prompt"])


def said(text: str, *, ended: str = "stop", asked: str = "") -> Body:
    """Return a whole reply with that text; a character counts as a token."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": ended}
    return {
        "object": "chat.completion",
        "choices": [choice],
        "usage": {"prompt_tokens": len(asked), "completion_tokens": len(text) + (ended == "stop")},
    }


def parrot(path: str, body: Body) -> Body:
    """Repeat the prompt, within the limit; drawn answers are turned round by their seed."""
    text = asked(body)
    turn = int(body.get("seed", 0)) % len(text)
    whole = text[turn:] + text[:turn]
    if len(whole) < body["max_tokens"]:
        reply = said(whole, asked=text)
    else:
        reply = said(whole[: body["max_tokens"]], ended="length", asked=text)
    if path.endswith("/chat/completions"):
        return reply
    (choice,) = reply["choices"]
    return {**reply, "choices": [{"text": choice["message"]["content"], "finish_reason": choice["finish_reason"]}]}


def in_turn(troubles: Sequence[str | None]) -> Trouble:
    """Misbehave in each of these ways in turn before a request is answered."""
    return lambda asked, before: troubles[before] if before < len(troubles) else None


def soon() -> str:
    """Return a date of HTTP one second from now at most."""
    return formatdate(time.time() + 1, usegmt=True)
