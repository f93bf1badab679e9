"""The elements of a JSON array one after another, however large the file: only about one row of it is in memory.

A scan of brackets and texts finds where elements end, and the parser checks what lies between two such places. A place
is never wrong where the JSON is right, and where it is not, the parser says so at the same byte as for the whole file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from zhiyin.data.json_rows import HALF, LONE_HALF, TOO_DEEP
from zhiyin.data.lines import BOM, LONGEST, SHOWN, as_text

PART = 2**20
"""Bytes read at a time, and checked together at least."""

AROUND = 30
"""Bytes shown around a fault."""

TRUNCATED = "Input data was truncated"
_TRAILING = "trailing characters"
_BYTE = re.compile(r" [(]byte (\d+)[)]")
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+'
_TOKEN = re.compile(
    rb"(\{[^\"\[\]{}]*+(?:" + _TEXT + rb"\"[^\"\[\]{}]*+)*+\})" + rb"|" + _TEXT + rb"(\"?)" + rb"|[\[\]{},]", re.DOTALL
)
"""An object that holds no other (1), a text and its end (2) unless it was not read yet, a bracket, or a comma."""
_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
"""What is left of a text that began earlier, and its end (1)."""


@dataclass(frozen=True)
class Long:
    """An element of more than `LONGEST` bytes."""

    head: bytes
    size: int


def elements(file: BinaryIO, shown: str) -> Iterator[bytes | Long]:
    """Yield the bytes of each element; raises `ValueError`, naming file and line, when the file is no JSON array."""
    array = _Array(file, shown)
    while True:
        more = array.read()
        array.scan()
        if array.closed or not more:
            yield from array.last()
            return
        if array.end >= 0:
            yield from array.checked(array.held[: array.end], b"]")
        elif len(array.held) > LONGEST + PART:
            yield array.passed_over()


@dataclass
class _Array:
    """What was read and not yet yielded, and how far it was scanned."""

    file: BinaryIO
    shown: str
    held: bytes = b""
    offset: int = 0
    """Bytes of the file before `held`, without a byte order mark."""
    lines: int = 0
    """Line ends before `held`."""
    before: bytes = b""
    """The last bytes before `held`, to show where a fault is."""
    scanned: int = 0
    """Where the scan goes on."""
    depth: int = 0
    """Brackets open there."""
    end: int = -1
    """The last place in `held` where an element ended; -1 for none."""
    closed: bool = False
    """The array has ended."""

    def read(self) -> bool:
        """Read on; returns whether there was anything."""
        part = self.file.read(PART)
        self.held += part if self.offset or self.held else part.removeprefix(BOM)
        return bool(part)

    def scan(self, *, once: bool = False) -> None:
        """Look at what was read, up to the end of the array, or to a text whose end was not read yet.

        With `once`, only up to the first place where an element ends.
        """
        for token in _TOKEN.finditer(self.held, self.scanned):
            if token.lastindex is None:
                self._sign(self.held[token.start()], token.start(), once)
            elif token.lastindex == 2 and not token[2]:
                self.scanned = token.start()
                return
            elif self.depth == 1:
                self.end = token.end()
            if self.closed or (once and self.end >= 0):
                self.scanned = token.end()
                return
        self.scanned = len(self.held)

    def _sign(self, sign: int, at: int, once: bool) -> None:
        if sign in b"[{":
            self.depth += 1
        elif sign in b"]}":
            self.depth -= 1
            self.closed = self.depth <= 0
            self.end = at + 1 if self.depth <= 1 else self.end
        elif self.depth == 1 and (once or self.held[max(0, self.end) : at].strip(b"[, \t\r\n")):
            self.end = at  # behind a number or a word

    def checked(self, part: bytes, close: bytes = b"") -> Iterator[bytes | Long]:
        """Yield the elements of a part; raises `ValueError` where the parser finds a fault."""
        front = self._front()
        try:
            found = _decoded(front + part + close)
        except RecursionError as error:
            raise ValueError(f"{self.shown}:1: {TOO_DEEP}") from error
        except msgspec.DecodeError as error:
            raise self._fault(front) from error
        self._drop(len(part))
        for raw in found[bool(front) :]:
            whole = bytes(raw)
            yield whole if len(whole) <= LONGEST else Long(whole[:SHOWN], len(whole))

    def _front(self) -> bytes:
        """Return an element that stands for all that were yielded, so that a comma must follow."""
        return b'[""' if self.offset else b""

    def last(self) -> Iterator[bytes | Long]:
        """Yield what is left, having read up to something that stands behind the array, if anything does."""
        behind = self.held[self.end :] if self.closed else b"?"
        while not behind.strip() and self.read():
            behind = self.held[-PART:]
        yield from self.checked(self.held)

    def passed_over(self) -> Long:
        """Read to the end of an element that is too long to be held; raises `ValueError` when it has none."""
        front = self._front()
        found = _BYTE.search(_refused(front + self.held))
        # At the end of what was read, the parser may stumble over half a number, which is no fault.
        if found and int(found[1]) < len(front + self.held) - AROUND:
            raise self._fault(front)
        lead = re.match(rb"\s*[,\[]?\s*", self.held)
        assert lead is not None
        head, start = self.held[lead.end() :][:SHOWN], self.offset + lead.end()
        while self.end < 0:
            in_text = self.scanned < len(self.held)
            self._drop(self.scanned + in_text)
            self._read_or_end()
            while in_text and (rest := _REST.match(self.held)) is not None:
                self._drop(rest.end())
                in_text = not rest[1]
                if in_text:
                    self._read_or_end()
                elif self.depth == 1:
                    self.end = 0
            if self.end < 0:
                self.scan(once=True)
        if self.closed:  # by the bracket behind a number
            self.closed, self.depth, self.end = False, 1, self.end - 1
            self.scanned = self.end
        size = self.offset + self.end - start
        self._drop(self.end)
        return Long(head, size)

    def _read_or_end(self) -> None:
        if not self.read():
            raise self._explained(TRUNCATED, 0, self.held, at_end=True)

    def _drop(self, count: int) -> None:
        """Forget the beginning of what is held."""
        self.lines += self.held.count(b"\n", 0, count)
        self.before = (self.before + self.held[max(0, count - AROUND) : count])[-AROUND:]
        self.offset += count
        self.held = self.held[count:]
        self.scanned = max(0, self.scanned - count)
        self.end = -1

    def _fault(self, front: bytes) -> ValueError:
        """Return an error that says where in the file the first fault of what is held is, and what stands there.

        `front` is put before it. The parser is asked once more, with what follows: at the end of a part it takes half
        a word for the end of the file.
        """
        more = self.file.read(4 * AROUND)
        content = self.held + more
        message = _refused(front + content) or TRUNCATED
        return self._explained(message, len(front), content, at_end=len(more) < 4 * AROUND)

    def _explained(self, message: str, front: int, content: bytes, *, at_end: bool) -> ValueError:
        found = _BYTE.search(message)
        at = int(found[1]) - front if found else len(content)
        said = message.replace(found[0] if found else "", "").removeprefix("JSON is malformed: ")
        # It takes half a pair at the end of a text for the end of the file, too, and points behind what trails.
        if ((at_end and at == len(content)) or "surrogate" in said) and (half := LONE_HALF.search(content)):
            at, said = half.start(), HALF
        at -= said == _TRAILING
        line = self.lines + content.count(b"\n", 0, at) + 1
        shown, near = self.before + content, len(self.before) + at
        if at_end and at >= len(content):
            end = as_text(shown[-AROUND:])
            advice = f"the file ends at byte {self.offset + len(content)} with {end!r}. Is the download complete?"
        elif said == _TRAILING:
            after = as_text(shown[near : near + AROUND])
            advice = f"after it stands {after!r}. Are the rows one a line? Then none is an array"
        else:
            advice = f"near {as_text(shown[max(0, near - AROUND // 2) : near + AROUND // 2])!r}"
        return ValueError(f"{self.shown}:{line}: not a whole JSON array: {said}; {advice}")


def _refused(content: bytes) -> str:
    """Return what the parser has against an array; empty when nothing."""
    try:
        _decoded(content)
    except msgspec.DecodeError as error:
        return str(error)
    return ""


def _decoded(content: bytes) -> list[msgspec.Raw]:
    return msgspec.json.decode(content, type=list[msgspec.Raw])
