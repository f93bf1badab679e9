"""Why a request got no reply, whether asking again is of use, and how long to wait before."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from zhiyin.inference.access import Access

AGAIN = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which the same request may succeed."""
SPENT = ("insufficient_quota", "billing")
"""Words of a 429 that no waiting will change."""
EXCERPT = 300
"""Characters of a refusal that are quoted."""


class Refused(RuntimeError):
    """An endpoint will not answer, however often it is asked."""


class Malformed(ValueError):
    """A reply that is not one of this API; it is asked for again."""


@dataclass(frozen=True)
class Fault:
    """Why a request got no reply."""

    said: str
    pause: float | None = None
    """Seconds the server asks to wait."""
    final: bool = False
    """Asking again is of no use."""
    advice: str = ""


def fault_of(said: str, status: int, headers: Mapping[str, str], text: str, access: Access) -> Fault:
    """Read a response that is no reply; `said` is its status line, `text` its body. The key is never quoted."""
    if status >= 500 or (status in AGAIN and not any(word in text for word in SPENT)):
        return Fault(said, retry_after(headers.get("retry-after", "")))
    if key := access.key():
        text = text.replace(key, "***")
    quoted = " ".join(text.split())[:EXCERPT] or "nothing"
    return Fault(f"{said}, with: {quoted}", final=True, advice=_advice(status, access))


def pause_after(fault: Fault, attempt: int, where: str, access: Access) -> float:
    """Return the seconds to wait after attempt number `attempt` (from 1) has failed.

    Doubling, with "equal jitter": those that failed together do not come back together, and none comes back at once.
    Raises `Refused`, naming `where`, when waiting is of no use.
    """
    if fault.final:
        raise Refused(f"{where}: the endpoint refused it: {fault.said}{fault.advice}")
    if attempt >= access.attempts:
        raise Refused(
            f"{where}: no reply after {attempt} attempts, the last one: {fault.said}; "
            "replies so far are kept: run again to go on"
        )
    if fault.pause is not None and fault.pause > access.longest_pause:
        raise Refused(
            f"{where}: {fault.said}, and the endpoint asks to wait {fault.pause:.0f} seconds; "
            "replies so far are kept: run again then, or raise access.longest_pause"
        )
    grown = min(access.backoff * 2.0 ** (attempt - 1), access.longest_pause)
    return max(fault.pause or 0.0, grown * random.uniform(0.5, 1.0))


def retry_after(value: str) -> float | None:
    """Read `Retry-After`, seconds or a date (RFC 9110, section 10.2.3); None for anything else."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if seconds < float("inf") else None


def _advice(status: int, access: Access) -> str:
    if status in (401, 403):
        named = f"; check the key in the environment variable {access.key_variable}"
        return named if access.key_variable else "; name the variable that holds the key in access.key_variable"
    if status == 404:
        return "; check the address of the endpoint and the name of the model"
    return ""
