"""The generated facts are true, each computed here once more in another way, and well divided."""

import datetime
import re
from collections.abc import Callable

import pytest

from zhiyin.data.generator.fact import BLANK, HELD_OUT_SHARE, Fact
from zhiyin.data.generator.library import kinds
from zhiyin.data.generator.numerals import words

FACTS = {fact.key: fact for kind in kinds() for fact in kind.facts}
KINDS = 21


def of(kind: str) -> list[Fact]:
    found = [fact for fact in FACTS.values() if fact.kind == kind]
    assert len(found) >= 24
    return found


def read(word: str) -> int:
    """Read a Chinese number: the twin of `words`, written the other way round."""
    total, digit = 0, 0
    for sign in word.replace("两", "二"):
        if sign in "零一二三四五六七八九":
            digit = "零一二三四五六七八九".index(sign)
        else:
            total, digit = total + (digit or 1) * {"十": 10, "百": 100, "千": 1000}[sign], 0
    return total + digit


def number(text: str) -> int:
    """Read the one number of a text, in figures or in words."""
    figures = re.findall(r"\d+", text)
    return int(figures[0]) if figures else read("".join(re.findall("[零一二两三四五六七八九十百千]+", text)[:1]))


def test_every_fact_is_whole() -> None:
    listed = [fact for kind in kinds() for fact in kind.facts]
    assert len(kinds()) == KINDS
    assert len(listed) == len(FACTS) > 2000
    for kind in kinds():
        assert {fact.kind for fact in kind.facts} == {kind.name}
        assert kind.emphasis > 0
    asked = [question for fact in listed for question in fact.questions]
    assert len(asked) == len(set(asked)), "the same question has two facts behind it"
    for fact in listed:
        assert all(claim.count(BLANK) == 1 for claim in fact.claims), fact.key
        assert len(set(fact.wrong)) == len(fact.wrong) >= 3, fact.key
        assert fact.answer not in fact.wrong, fact.key
        assert BLANK not in fact.answer + "".join(fact.questions)
        assert len(fact.questions) == 3
        assert len(fact.claims) >= 3


def test_no_wrong_answer_makes_a_claim_that_is_true_elsewhere() -> None:
    true = {statement for fact in FACTS.values() for statement in fact.statements}
    for fact in FACTS.values():
        for wrong in fact.wrong:
            assert fact.claim(wrong) not in true, (fact.key, wrong)


@pytest.mark.parametrize("value", [0, 5, 10, 11, 20, 99, 100, 101, 110, 111, 999, 1000, 1010, 2005, 9999])
def test_number_words_read_back(value: int) -> None:
    assert read(words(value)) == value


def test_number_words_are_the_usual_ones() -> None:
    assert [words(value) for value in (10, 12, 20, 105, 110, 123, 1001)] == [
        "十", "十二", "二十", "一百零五", "一百一十", "一百二十三", "一千零一",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="from 0 to 9999, not 10000"):
        words(10000)


TWINS: dict[str, Callable[[list[str]], int]] = {
    "addition": lambda parts: int(parts[2]) + int(parts[3]),
    "subtraction": lambda parts: int(parts[1]) - int(parts[2]),
    "times": lambda parts: int(parts[2]) * int(parts[3]),
    "story": lambda parts: int(parts[2]) + int(parts[3]) if parts[1] == "more" else int(parts[3]),
    "counting": lambda parts: int(parts[2]) + (parts[1] == "after"),
    "numeral": lambda parts: int(parts[2]),
}


@pytest.mark.parametrize("kind", sorted(TWINS))
def test_sums_are_right_and_the_others_wrong(kind: str) -> None:
    for fact in of(kind):
        right = TWINS[kind](fact.key.split("/"))
        assert number(fact.answer) == right, fact.key
        assert right not in {number(wrong) for wrong in fact.wrong}, fact.key


@pytest.mark.parametrize("kind", ["addition", "subtraction", "story", "times"])
def test_the_words_of_a_sum_say_the_sum(kind: str) -> None:
    for fact in of(kind):
        for question in fact.questions:
            first, second = map(
                number, re.findall(r"\d+|[一二两三四五六七八九十]+(?=[^一]|$)", question.replace("一共", ""))[:2]
            )
            if kind in ("addition", "times"):
                value = first + second if kind == "addition" else first * second
            else:
                value = first - second if "减" in question or "-" in question or "送给" in question else first + second
            assert value == number(fact.answer), question


def test_comparisons_are_right() -> None:
    for fact in of("larger"):
        a, b = map(int, re.findall(r"\d+", fact.questions[0]))
        assert fact.answer == f"{sorted((a, b))[1]}更大"
        assert f"{max(a, b)}更大" not in fact.wrong
        assert f"{min(a, b)}更小" not in fact.wrong
    for fact in of("extreme"):
        three = sorted(map(int, re.findall(r"\d+", fact.questions[0])))
        assert int(fact.answer) == (three[2] if "大" in fact.questions[0] else three[0])


def test_years_and_days_are_right() -> None:
    known = {1966: "马年", 1984: "鼠年", 2000: "龙年", 2024: "龙年", 2025: "蛇年"}
    assert {year: FACTS[f"zodiac/{year}"].answer for year in known} == known
    monday = datetime.date(2024, 1, 1)
    for fact in of("weekday"):
        _, day, days = fact.key.split("/")
        later = monday + datetime.timedelta(days=int(day) + int(days))
        assert fact.answer == "星期" + "一二三四五六日"[later.weekday()]
        assert number(re.findall(r"[一二两三四五六七八九十]+天", fact.questions[0])[0]) == int(days)


def test_units_are_right() -> None:
    in_small = {"元角": 10, "米厘米": 100, "米分米": 10, "公斤克": 1000, "公里米": 1000, "小时分钟": 60, "分钟秒": 60,
                "天小时": 24, "年个月": 12, "星期天": 7, "公斤斤": 2, "斤两": 10}  # fmt: skip
    for fact in of("unit"):
        _, large, small, count = fact.key.split("/")
        assert number(fact.answer) == in_small[large + small] * int(count)
        assert number(fact.questions[0]) == int(count)


def test_well_known_facts_stand_as_they_are_known() -> None:
    known = {
        "capital/of/湖北省": "武汉",
        "capital/whose/乌鲁木齐": "新疆",
        "abbreviation/of/河南省": "豫",
        "festival/中秋节": "八月十五",
        "festival/国庆节": "10月1日",
        "solar_month/冬至": "十二月",
        "solar_month/大寒": "一月",
        "solar_season/立冬": "冬季",
        "solar_season/谷雨": "春季",
        "solar_order/after/大寒": "立春",
        "solar_order/before/清明": "春分",
        "measure/马": "匹",
        "opposite/骄傲": "谦虚",
        "idiom/画蛇添足": "足",
        "couplet/春山": "秋水",
    }
    assert {key: FACTS[key].answer for key in known} == known
    assert len([key for key in FACTS if key.startswith("abbreviation/of/")]) == 34
    assert len([key for key in FACTS if key.startswith("capital/of/")]) == 27


def test_a_wrong_couplet_repeats_a_character() -> None:
    lines = {fact.key.split("/")[1] for fact in of("couplet")}
    for fact in of("couplet"):
        line = fact.key.split("/")[1]
        assert not set(fact.answer) & set(line)
        assert all(wrong in lines and set(wrong) & set(line) for wrong in fact.wrong)


def test_sides_follow_the_root_and_every_kind_has_both() -> None:
    sides: dict[str, set[str]] = {}
    for fact in FACTS.values():
        sides.setdefault(fact.root, set()).add(fact.part)
    assert all(len(found) == 1 for found in sides.values())
    share = sum(found == {"held_out"} for found in sides.values()) / len(sides)
    assert abs(share - HELD_OUT_SHARE) < 0.03
    for kind in kinds():
        held_out = [fact for fact in kind.facts if fact.part == "held_out"]
        assert 6 <= len(held_out) < len(kind.facts) * 0.6, kind.name
    assert FACTS["addition/figures/7/8"].root == FACTS["subtraction/15/8"].root == FACTS["story/more/7/8"].root
    assert FACTS["capital/of/湖北省"].root == FACTS["capital/whose/武汉"].root
