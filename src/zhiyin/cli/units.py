"""Seconds, bytes and values as people read them."""

from typing import Any

from zhiyin.locale.words import say


def duration(seconds: float) -> str:
    """Write seconds: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """Write bytes: `812 B`, `1.5 MB` (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def brief(value: Any) -> str:
    """Write one value of a summary or config on one line."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {brief(inner)}" for key, inner in value.items()) or say("none")
    if isinstance(value, list):
        return "[" + ", ".join(brief(inner) for inner in value) + "]"
    return str(value)
