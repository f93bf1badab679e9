"""Whole numbers as Chinese words."""

DIGITS = "零一二三四五六七八九"
WEEKDAYS = tuple(f"星期{day}" for day in "一二三四五六日")


def words(number: int) -> str:
    """Write 0 to 9999 in Chinese: 12 is 十二, 105 is 一百零五, 110 is 一百一十, 2005 is 二千零五."""
    if not 0 <= number <= 9999:
        raise ValueError(f"words() writes numbers from 0 to 9999, not {number}")
    if 10 <= number < 20:
        return "十" + (DIGITS[number - 10] if number > 10 else "")
    text, gap = "", False
    for unit, size in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit = number // size % 10
        if digit:
            text += ("零" if gap and text else "") + DIGITS[digit] + unit
        gap = not digit
    return text or "零"


MONTHS = tuple(f"{words(month)}月" for month in range(1, 13))


def spoken(number: int, counted: str) -> str:
    """Write a number before a measure word: two is 两, as in 两个."""
    return ("两" if number == 2 else words(number)) + counted


def near(number: int, *, low: int = 0) -> tuple[int, ...]:
    """Return numbers that one might take for this one: off by one, two or ten, or with its two digits swapped."""
    swapped = int(str(number)[::-1]) if 10 <= number < 100 else number + 3
    tries = (number + 1, number - 1, number + 2, number - 2, number + 10, number - 10, swapped)
    return tuple(guess for guess in dict.fromkeys(tries) if guess >= low and guess != number)
