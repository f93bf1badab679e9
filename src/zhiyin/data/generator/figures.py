"""Facts about numbers: how they are written and counted, and which is larger."""

import random

from zhiyin.data.generator.fact import BLANK, Fact, Kind, others
from zhiyin.data.generator.numerals import near, words


def kinds() -> tuple[Kind, ...]:
    """Return the kinds of this file."""
    return (
        Kind("numeral", "数的写法", tuple(fact for number in _numbers() for fact in _numeral(number)), 0.8),
        Kind("counting", "数数", tuple(fact for number in range(1, 61) for fact in _counting(number)), 0.8),
        Kind("larger", "两个数的大小", tuple(_larger(a, b) for a, b in _sample(2, 400)), 0.3),
        Kind("extreme", "几个数的大小", tuple(_extreme(three) for three in _sample(3, 300)), 0.4),
    )


def _numbers() -> list[int]:
    """All of 11 to 99, and some of the numbers up to 999; the same ones in every run."""
    return [*range(11, 100), *sorted(random.Random("numeral").sample(range(100, 1000), 40))]


def _sample(size: int, count: int) -> list[tuple[int, ...]]:
    """Return that many different sets of two-digit numbers, each in an order of its own; the same in every run."""
    rng, found = random.Random(f"sets of {size}"), dict[tuple[int, ...], tuple[int, ...]]()
    while len(found) < count:
        numbers = tuple(rng.sample(range(10, 100), size))
        found.setdefault(tuple(sorted(numbers)), numbers)
    return list(found.values())


def _numeral(number: int) -> list[Fact]:
    word, root = words(number), f"numeral/{number}"
    return [
        Fact(
            "numeral",
            f"numeral/word/{number}",
            root,
            (f"{number}写成汉字是{BLANK}", f"{number}读作{BLANK}", f"数字{number}念{BLANK}", f"{number}就是{BLANK}"),
            (f"{number}写成汉字是什么？", f"请问{number}读作什么？", f"数字{number}怎么念？"),
            word,
            others(tuple(words(guess) for guess in _digit_slips(number)), word),
            regular=True,
        ),
        Fact(
            "numeral",
            f"numeral/digits/{number}",
            root,
            (f"{word}写成数字是{BLANK}", f"{word}用数字写作{BLANK}", f"{word}就是{BLANK}", f"{word}记作{BLANK}"),
            (f"{word}写成数字是多少？", f"请问{word}用数字怎么写？", f"{word}用数字写作什么？"),
            str(number),
            others(tuple(str(guess) for guess in _digit_slips(number)), str(number)),
            regular=True,
        ),
    ]


def _digit_slips(number: int) -> tuple[int, ...]:
    """Return numbers with as many digits, that differ by one step in one place or by two places swapped."""
    swapped = int(str(number)[:-2] + str(number)[:-3:-1])
    slips = [number + sign * step for step in (1, 10, 100, 2, 20) for sign in (1, -1)]
    low = 10 if number < 100 else 100
    return tuple(guess for guess in dict.fromkeys([swapped, *slips]) if guess != number and low <= guess < 10 * low)


def _counting(number: int) -> list[Fact]:
    """The neighbours in the row of numbers, in words; the step from one to the next is one root."""
    first, second, root = words(number), words(number + 1), f"counting/{number}"
    return [
        Fact(
            "counting",
            f"counting/after/{number}",
            root,
            (f"{first}后面的数是{BLANK}", f"{first}的下一个数是{BLANK}", f"数完{first}，就数{BLANK}"),
            (f"{first}后面的数是几？", f"请问{first}的下一个数是多少？", f"数完{first}，接着数几？"),
            second,
            others(tuple(words(guess) for guess in near(number + 1) if guess != number), second),
            regular=True,
        ),
        Fact(
            "counting",
            f"counting/before/{number}",
            root,
            (f"{second}前面的数是{BLANK}", f"{second}的上一个数是{BLANK}", f"比{second}少一的数是{BLANK}"),
            (f"{second}前面的数是几？", f"请问{second}的上一个数是多少？", f"比{second}少一的数是几？"),
            first,
            others(tuple(words(guess) for guess in near(number) if guess != number + 1), first),
            regular=True,
        ),
    ]


def _larger(a: int, b: int) -> Fact:
    high, low = max(a, b), min(a, b)
    return Fact(
        "larger",
        f"larger/{low}/{high}",
        f"larger/{low}/{high}",
        (f"{a}和{b}比，{BLANK}", f"拿{a}和{b}来比，{BLANK}", f"在{a}与{b}之间，{BLANK}"),
        (f"{a}和{b}比，哪个大？", f"请问{a}与{b}谁更大？", f"拿{a}和{b}来比，哪个数大？"),
        f"{high}更大",
        (f"{low}更大", "两个一样大", f"{high}更小"),
        regular=True,
    )


def _extreme(three: tuple[int, ...]) -> Fact:
    """The largest of three numbers, or the smallest: the root, which is the set, is asked one way only."""
    large = sum(three) % 2 == 0
    answer, word = (max(three), "大") if large else (min(three), "小")
    a, b, c = three
    swapped = str(answer)[::-1] if answer % 11 and answer % 10 else str(answer + 1)
    return Fact(
        "extreme",
        f"extreme/{word}/{a}/{b}/{c}",
        f"extreme/{'/'.join(map(str, sorted(three)))}",
        (
            f"{a}、{b}、{c}里最{word}的是{BLANK}",
            f"{a}、{b}和{c}当中，最{word}的是{BLANK}",
            f"在{a}、{b}、{c}这三个数中，{BLANK}最{word}",
        ),
        (
            f"{a}、{b}、{c}里最{word}的是哪个？",
            f"请问{a}、{b}和{c}当中，最{word}的数是多少？",
            f"在{a}、{b}、{c}这三个数中，哪个最{word}？",
        ),
        str(answer),
        others(
            (*map(str, three), swapped if int(swapped) not in three else str(answer + 2), str(answer - 1)), str(answer)
        ),
        regular=True,
    )
