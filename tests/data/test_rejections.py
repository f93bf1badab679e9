"""What is set aside is counted and kept, and too much of it is an error."""

from pathlib import Path

import pytest

from zhiyin.data.rejections import Rejections
from zhiyin.records.jsonl import Rejected

ROWS = [Rejected(f"a:{number}", "odd" if number % 2 else "even", "行\u2028") for number in range(1, 6)]


def test_rows_are_kept_in_order_and_counted() -> None:
    with Rejections() as rejected:
        for row in ROWS:
            rejected.add(row)
        assert len(rejected) == 5
        assert rejected.counts == {"odd": 3, "even": 2}
        assert list(rejected) == ROWS


@pytest.mark.parametrize(
    ("kept", "allowed", "said"),
    [
        (
            5,
            0.4,
            r"^x: 5 of 10 rows rejected \(50\.0%, max_rejected is 40\.0%\), 5 records kept\n  3 x odd; first at a:1\n",
        ),
        (
            5,
            0.4,
            r"\n  2 x even; first at a:2\nEvery .* in out/rejected\.jsonl\.\nMend the data, or raise `max_rejected`\.$",
        ),
        (0, 1, r"^x: 5 of 5 rows rejected \(100\.0%, max_rejected is 100\.0%\), 0 records kept"),
    ],
)
def test_too_many_are_an_error(kept: int, allowed: float, said: str) -> None:
    with Rejections() as rejected:
        for row in ROWS:
            rejected.add(row)
        rejected.check(5, 0.5, "x", Path("out"))
        with pytest.raises(ValueError, match=said):
            rejected.check(kept, allowed, "x", Path("out"))


def test_nothing_at_all_is_an_error() -> None:
    with Rejections() as rejected, pytest.raises(ValueError, match=r"^x: 0 of 0 rows rejected .* 0 records kept"):
        rejected.check(0, 1, "x", Path("out"))
