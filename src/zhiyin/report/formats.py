"""Numbers, times and texts as the page writes them."""

from datetime import UTC, datetime

from zhiyin.report.chart import RAISED

CLIPPED = 1500
"""Characters shown of a text, at most."""


def clipped(text: str, length: int = CLIPPED) -> str:
    """Cut a long text, and say how much was cut."""
    return text if len(text) <= length else f"{text[:length]} … (+{len(text) - length})"


def duration(seconds: float) -> str:
    """Write seconds as `0.42 s`, `41 s`, `3 min 20 s` or `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def moment(iso: str) -> str:
    """Write a time in ISO 8601 as `2026-11-21 03:52 UTC`."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def memory(count: int) -> str:
    """Write bytes as MiB or GiB."""
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def size(count: int) -> str:
    """Write the bytes of a file as B, KiB, MiB or GiB."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"


def significant(value: float) -> str:
    """Write four significant digits; a power of ten where it is far from one: `1.071 × 10⁻⁸`."""
    number, _, exponent = f"{value:.4g}".partition("e")
    return typeset(number + (f" × 10{str(int(exponent)).translate(RAISED)}" if exponent else ""))


def typeset(number: str) -> str:
    """Put in a real minus, and a narrow space that does not break before the per cent sign."""
    return number.replace("-", "−").replace(" %", "\u202f%")
