"""Facts that are calculated: sums, differences, stories about them, products and units."""

from zhiyin.data.generator.fact import BLANK, Fact, Kind, others
from zhiyin.data.generator.numerals import near, spoken, words

_NAMES = ("小明", "小红", "小华", "小丽", "小刚", "小芳")
_THINGS = (("苹果", "个"), ("铅笔", "支"), ("书", "本"), ("糖", "颗"), ("气球", "个"), ("邮票", "张"))

_UNITS = (
    ("元", "角", 10),
    ("米", "厘米", 100),
    ("米", "分米", 10),
    ("公斤", "克", 1000),
    ("公里", "米", 1000),
    ("小时", "分钟", 60),
    ("分钟", "秒", 60),
    ("天", "小时", 24),
    ("年", "个月", 12),
    ("星期", "天", 7),
    ("公斤", "斤", 2),
    ("斤", "两", 10),
)
"""The larger unit, the smaller one, and how many of them it holds."""


def kinds() -> tuple[Kind, ...]:
    """Return the kinds of this file."""
    pairs = [(a, b) for a in range(1, 11) for b in range(a, 11)]
    return (
        Kind("addition", "加法", tuple(fact for a, b in pairs for fact in _addition(a, b)), 1.2),
        Kind("subtraction", "减法", tuple(fact for a, b in pairs for fact in _subtraction(a, b)), 1.2),
        Kind("story", "应用题", tuple(fact for a, b in pairs if a > 1 for fact in _stories(a, b)), 1.0),
        Kind(
            "times", "乘法口诀", tuple(fact for a in range(2, 10) for b in range(a, 10) for fact in _times(a, b)), 1.2
        ),
        Kind("unit", "单位换算", tuple(_unit(*row, count) for row in _UNITS for count in range(2, 9)), 1.0),
    )


def _addition(a: int, b: int) -> list[Fact]:
    """A sum in figures and in words. Sums, differences and stories of the same two numbers are one root."""
    total, root = a + b, f"sum/{a}/{b}"
    first, second = words(a), words(b)
    return [
        Fact(
            "addition",
            f"addition/figures/{a}/{b}",
            root,
            (
                f"{a}加{b}等于{BLANK}",
                f"{b}加{a}等于{BLANK}",
                f"{a}+{b}={BLANK}",
                f"{b}+{a}={BLANK}",
                f"{a}与{b}的和是{BLANK}",
            ),
            (f"{a}加{b}等于几？", f"请问{a}+{b}等于多少？", f"{a}与{b}的和是多少？"),
            str(total),
            others(tuple(map(str, near(total, low=1))), str(total)),
            regular=True,
        ),
        Fact(
            "addition",
            f"addition/words/{a}/{b}",
            root,
            (f"{first}加{second}等于{BLANK}", f"{second}加{first}等于{BLANK}", f"{first}加上{second}是{BLANK}"),
            (f"{first}加{second}等于几？", f"请问{second}加{first}等于多少？", f"{first}加上{second}是多少？"),
            words(total),
            others(tuple(map(words, near(total, low=1))), words(total)),
            regular=True,
        ),
    ]


def _subtraction(a: int, b: int) -> list[Fact]:
    facts = []
    for less, rest in dict.fromkeys(((a, b), (b, a))):
        total = a + b
        facts.append(
            Fact(
                "subtraction",
                f"subtraction/{total}/{less}",
                f"sum/{a}/{b}",
                (
                    f"{total}减{less}等于{BLANK}",
                    f"{total}-{less}={BLANK}",
                    f"{total}减去{less}，还剩{BLANK}",
                    f"{total}与{less}的差是{BLANK}",
                ),
                (f"{total}减{less}等于几？", f"请问{total}-{less}等于多少？", f"{total}减去{less}，还剩多少？"),
                str(rest),
                others(tuple(map(str, near(rest, low=1))), str(rest)),
                regular=True,
            )
        )
    return facts


def _stories(a: int, b: int) -> list[Fact]:
    total, root = a + b, f"sum/{a}/{b}"
    name, (thing, unit) = _NAMES[(a * 5 + b) % 6], _THINGS[(a + b * 7 + a // 6) % 6]
    some, more, all_ = spoken(a, unit), spoken(b, unit), spoken(total, unit)
    gained = f"{name}有{some}{thing}，又买来{more}"
    given = f"{name}有{all_}{thing}，送给朋友{some}"
    return [
        Fact(
            "story",
            f"story/more/{a}/{b}",
            root,
            (f"{gained}，一共有{BLANK}{thing}", f"{gained}，现在有{BLANK}", f"{gained}，合起来是{BLANK}{thing}"),
            (
                f"{gained}，一共有几{unit}{thing}？",
                f"{gained}，现在有多少{unit}？",
                f"{gained}，合起来是多少{unit}{thing}？",
            ),
            all_,
            others(tuple(spoken(guess, unit) for guess in near(total, low=1)), all_),
            regular=True,
        ),
        Fact(
            "story",
            f"story/fewer/{a}/{b}",
            root,
            (f"{given}，还剩{BLANK}{thing}", f"{given}，剩下{BLANK}", f"{given}，手里还有{BLANK}{thing}"),
            (f"{given}，还剩几{unit}{thing}？", f"{given}，剩下多少{unit}？", f"{given}，手里还有多少{unit}{thing}？"),
            more,
            others(tuple(spoken(guess, unit) for guess in near(b, low=1)), more),
            regular=True,
        ),
    ]


def _times(a: int, b: int) -> list[Fact]:
    first, second, product, root = words(a), words(b), a * b, f"times/{a}/{b}"
    slips = (product + a, product - a, product + b, product - b, product + 1, product + 10)
    return [
        Fact(
            "times",
            f"times/words/{a}/{b}",
            root,
            (f"{first}乘{second}等于{BLANK}", f"{second}乘{first}等于{BLANK}", f"{first}个{second}是{BLANK}"),
            (f"{first}乘{second}等于几？", f"请问{second}乘{first}等于多少？", f"{first}个{second}是多少？"),
            words(product),
            others(tuple(map(words, slips)), words(product)),
        ),
        Fact(
            "times",
            f"times/figures/{a}/{b}",
            root,
            (f"{a}乘{b}等于{BLANK}", f"{b}乘{a}等于{BLANK}", f"{a}×{b}={BLANK}", f"{b}×{a}={BLANK}"),
            (f"{a}乘{b}等于几？", f"请问{a}×{b}等于多少？", f"{b}×{a}等于几？"),
            str(product),
            others(tuple(map(str, slips)), str(product)),
        ),
    ]


def _unit(large: str, small: str, size: int, count: int) -> Fact:
    whole, answer = spoken(count, large), f"{size * count}{small}"
    if large == "星期":
        whole = spoken(count, "个星期")
    slips = (size * (count + 1), size * (count - 1), size * (count + 2), size * count * 10, size * count + 5)
    return Fact(
        "unit",
        f"unit/{large}/{small}/{count}",
        f"unit/{large}/{small}/{count}",
        (f"{whole}等于{BLANK}", f"{whole}就是{BLANK}", f"{whole}合{BLANK}", f"{whole}换算过来是{BLANK}"),
        (f"{whole}等于多少{small}？", f"请问{whole}是多少{small}？", f"{whole}合多少{small}？"),
        answer,
        others(tuple(f"{slip}{small}" for slip in slips), answer),
        regular=True,
    )
