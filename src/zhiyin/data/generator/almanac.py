"""Facts about years, weekdays, solar terms and festivals."""

from zhiyin.data.generator.fact import BLANK, Fact, Kind, others
from zhiyin.data.generator.geography import table
from zhiyin.data.generator.numerals import MONTHS, WEEKDAYS, spoken

ANIMALS = "鼠牛虎兔龙蛇马羊猴鸡狗猪"
TERMS = (
    "立春", "雨水", "惊蛰", "春分", "清明", "谷雨", "立夏", "小满", "芒种", "夏至", "小暑", "大暑",
    "立秋", "处暑", "白露", "秋分", "寒露", "霜降", "立冬", "小雪", "大雪", "冬至", "小寒", "大寒",
)  # fmt: skip

_LUNAR = """
春节 正月初一|元宵节 正月十五|龙抬头 二月初二|上巳节 三月初三|端午节 五月初五|七夕节 七月初七|中元节 七月十五
中秋节 八月十五|重阳节 九月初九|腊八节 腊月初八
"""
_SOLAR = """
元旦 1月1日|妇女节 3月8日|植树节 3月12日|消费者权益日 3月15日|世界水日 3月22日|世界气象日 3月23日
世界地球日 4月22日|世界读书日 4月23日|中国航天日 4月24日|劳动节 5月1日|青年节 5月4日|护士节 5月12日
儿童节 6月1日|世界环境日 6月5日|国际禁毒日 6月26日|建党节 7月1日|世界人口日 7月11日|建军节 8月1日|教师节 9月10日
国庆节 10月1日|世界粮食日 10月16日|记者节 11月8日|消防日 11月9日|国家宪法日 12月4日
"""


def kinds() -> tuple[Kind, ...]:
    """Return the kinds of this file."""
    return (
        Kind("zodiac", "生肖", tuple(_zodiac(year) for year in range(1960, 2032)), 1.5),
        Kind("weekday", "星期", tuple(_weekday(day, days) for day in range(7) for days in range(1, 7)), 1.5),
        Kind("solar_month", "节气的时间", tuple(_solar_month(place) for place in range(24)), 1.5),
        Kind("solar_season", "节气与四季", tuple(_solar_season(place) for place in range(24)), 1.5),
        Kind("solar_order", "节气的先后", tuple(fact for place in range(24) for fact in _solar_order(place)), 1.5),
        Kind("festival", "节日", tuple(_festivals(_LUNAR, "农历") + _festivals(_SOLAR, "公历")), 1.5),
    )


def _zodiac(year: int) -> Fact:
    animals = tuple(f"{animal}年" for animal in ANIMALS)
    answer = animals[(year - 4) % 12]
    return Fact(
        "zodiac",
        f"zodiac/{year}",
        f"zodiac/{year}",
        (f"{year}年是{BLANK}", f"按生肖，{year}年是{BLANK}", f"{year}年的生肖年是{BLANK}", f"{year}年正好是{BLANK}"),
        (f"{year}年是什么生肖年？", f"请问{year}年是什么年？", f"按生肖，{year}年是什么年？"),
        answer,
        others(animals, answer),
    )


def _solar_month(place: int) -> Fact:
    term, answer = TERMS[place], MONTHS[(place // 2 + 1) % 12]
    return Fact(
        "solar_month",
        f"solar_month/{term}",
        f"solar_month/{term}",
        (f"{term}在公历{BLANK}", f"{term}这个节气在{BLANK}", f"每年公历{BLANK}有{term}", f"{term}一般落在{BLANK}"),
        (f"{term}在公历几月？", f"请问{term}这个节气在几月？", f"{term}一般落在几月？"),
        answer,
        others(MONTHS, answer),
    )


def _solar_season(place: int) -> Fact:
    term, seasons = TERMS[place], ("春季", "夏季", "秋季", "冬季")
    answer = seasons[place // 6]
    return Fact(
        "solar_season",
        f"solar_season/{term}",
        f"solar_season/{term}",
        (f"{term}是{BLANK}的节气", f"{term}属于{BLANK}", f"节气{term}属于{BLANK}", f"{term}算在{BLANK}里"),
        (f"{term}是哪个季节的节气？", f"请问{term}属于哪个季节？", f"节气{term}算在哪一季？"),
        answer,
        others(seasons, answer),
    )


def _solar_order(place: int) -> list[Fact]:
    """The next term and the one before are one root: who knows that 雨水 follows 立春 knows what 雨水 follows."""
    first, second = TERMS[place], TERMS[(place + 1) % 24]
    return [
        Fact(
            "solar_order",
            f"solar_order/after/{first}",
            f"solar_order/{first}",
            (
                f"{first}之后的节气是{BLANK}",
                f"{first}过后就是{BLANK}",
                f"{first}的下一个节气是{BLANK}",
                f"过了{first}是{BLANK}",
            ),
            (f"{first}之后的节气是什么？", f"请问{first}的下一个节气是哪个？", f"过了{first}是什么节气？"),
            second,
            others(TERMS, second, first),
        ),
        Fact(
            "solar_order",
            f"solar_order/before/{second}",
            f"solar_order/{first}",
            (f"{second}之前的节气是{BLANK}", f"{second}的前一个节气是{BLANK}", f"{second}的上一个节气是{BLANK}"),
            (f"{second}之前的节气是什么？", f"请问{second}的上一个节气是哪个？", f"{second}的前一个节气是什么？"),
            first,
            others(TERMS, first, second),
        ),
    ]


def _festivals(text: str, calendar: str) -> list[Fact]:
    rows = table(text)
    days = tuple(day for _, day in rows)
    return [
        Fact(
            "festival",
            f"festival/{name}",
            f"festival/{name}",
            (
                f"{name}在{calendar}{BLANK}",
                f"{name}是{calendar}{BLANK}",
                f"{name}定在{calendar}{BLANK}",
                f"{name}：{calendar}{BLANK}",
            ),
            (f"{name}在{calendar}哪一天？", f"请问{name}是{calendar}几月几日？", f"{name}定在{calendar}哪天？"),
            day,
            others(days, day),
        )
        for name, day in rows
    ]


def _weekday(day: int, days: int) -> Fact:
    today, answer, later = WEEKDAYS[day], WEEKDAYS[(day + days) % 7], spoken(days, "天")
    return Fact(
        "weekday",
        f"weekday/{day}/{days}",
        f"weekday/{day}/{days}",
        (
            f"{today}再过{later}是{BLANK}",
            f"今天是{today}，再过{later}是{BLANK}",
            f"{today}往后数{later}是{BLANK}",
            f"从{today}算起，{later}以后是{BLANK}",
        ),
        (
            f"今天是{today}，再过{later}是星期几？",
            f"请问{today}往后数{later}是星期几？",
            f"{today}再过{later}是星期几？",
        ),
        answer,
        others(WEEKDAYS, answer),
        regular=True,
    )
