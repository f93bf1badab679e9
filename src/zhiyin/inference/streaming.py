"""Text out of a stream of token ids, as soon as its characters are whole."""

from collections.abc import Callable, Iterable, Iterator, Sequence

_BROKEN = "\ufffd"


def pieces(ids: Iterable[int], decode: Callable[[Sequence[int]], str]) -> Iterator[str]:
    """Yield the text of the ids bit by bit; the bits add up to `decode` of all of them.

    A byte-level token may hold half a character. Text that ends in a broken character is held back until the next
    tokens mend it, or until the end shows that it stays broken. A window of ids is decoded at a time, which starts
    one piece back: some decoders drop a space in front of the first token.
    """
    window: list[int] = []
    start, shown = 0, 0
    for token in ids:
        window.append(token)
        before, now = decode(window[start:shown]), decode(window[start:])
        if len(now) > len(before) and not now.endswith(_BROKEN):
            yield now[len(before) :]
            start, shown = shown, len(window)
    if rest := decode(window[start:])[len(decode(window[start:shown])) :]:
        yield rest
