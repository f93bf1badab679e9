"""Quotations of questions, against a search that compares every text with every question at every place."""

from random import Random

import pytest

from zhiyin.data.kernels.squeeze import squeeze
from zhiyin.data.kernels.windows import Match, index, matches

HAN = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏"
LATIN = "the quick brown fox jumps over a lazy dog while it rains"


def windows(key: str, width: int) -> set[str]:
    found = {key[start : start + width] for start in range(len(key) - width + 1)}
    return {each for each in found if width == 50 or sum("\u3400" <= one < "\ua000" for one in each) >= 5}


def slow(questions: list[str], text: str) -> dict[int, tuple[str, tuple[tuple[int, int], ...]]]:
    """Search a text the slow, obvious way; returns rule and runs for each question found."""
    told = {width: [windows(key, width) for key in questions] for width in (13, 50)}
    telling = [
        {each for width in (13, 50) for each in told[width][place] if sum(each in some for some in told[width]) <= 3}
        for place in range(len(questions))
    ]
    found = {}
    for place, key in enumerate(questions):
        judged = slow_judged(key, telling[place], text)
        if judged is not None:
            found[place] = judged
    return found


def slow_judged(key: str, telling: set[str], text: str) -> tuple[str, tuple[tuple[int, int], ...]] | None:
    if not telling:
        places = [start for start in range(len(text)) if len(key) >= 8 and text[start : start + len(key)] == key]
        return ("whole question", tuple((start, start + len(key)) for start in places)) if places else None
    if not any(each in text for each in telling):
        return None
    covered, best, by = set[int](), (0, 0), 0
    for shift in range(-len(key), len(text)):
        runs = common(key, text, shift)
        rules = {(start, stop): longest(key[start:stop], telling) for start, stop in runs}
        if any(rules.values()):
            covered |= {place for start, stop in runs if stop - start >= 4 for place in range(start, stop)}
        for (start, stop), width in rules.items():
            if width and stop - start > best[1] - best[0]:
                best, by = (start + shift, stop + shift), width
    enough = {0: len(text) + 1, 13: 20, 50: 100}[by]
    if not by or (best[1] - best[0] < enough and len(covered) < 0.75 * len(key)):
        return None
    return f"{by} characters", (best,)


def longest(run: str, telling: set[str]) -> int:
    """Return the kind of telling window inside a run; 13 goes first."""
    widths = {len(each) for each in telling if each in run}
    return min(widths, default=0)


def common(key: str, text: str, shift: int) -> list[tuple[int, int]]:
    same = [0 <= place + shift < len(text) and one == text[place + shift] for place, one in enumerate(key)]
    bounds = [
        place for place in range(len(key) + 1) if (place and same[place - 1]) != (place < len(key) and same[place])
    ]
    return list(zip(bounds[::2], bounds[1::2], strict=True))


def generated(random: Random) -> tuple[list[str], list[str]]:
    """Make questions of fragments that many share, and texts of parts of questions."""

    def noise(most: int) -> str:
        if random.random() < 0.6:
            start = random.randrange(40)
            return LATIN[start : start + random.randrange(most)] + str(random.randrange(10**6))
        return "".join(random.choices(HAN, k=random.randrange(most)))

    fragments = [noise(30) for _ in range(5)]
    keys = dict.fromkeys(
        squeeze(["".join(random.choice([*fragments, noise(45)]) for _ in range(3)) for _ in range(14)]).texts()
    )
    texts = []
    for _ in range(12):
        parts = []
        for _ in range(random.randrange(1, 5)):
            key = random.choice(list(keys))
            start = random.choice([0, random.randrange(len(key) + 1)])
            part = list(key[start : start + random.randrange(5, 160)])
            if part and random.random() < 0.5:
                del part[random.randrange(len(part))]
            parts.append("".join(part) + noise(6))
        texts.append("".join(parts))
    return list(keys), squeeze(texts).texts()


def fast(questions: list[str], texts: list[str]) -> list[dict[int, tuple[str, tuple[tuple[int, int], ...]]]]:
    found: list[dict[int, tuple[str, tuple[tuple[int, int], ...]]]] = [{} for _ in texts]
    for match in matches(index(questions), squeeze(texts)):
        assert match.question not in found[match.text]
        found[match.text][match.question] = (match.rule, match.runs)
    return found


def test_all_quotations_are_found_and_no_others() -> None:
    seen: dict[str, int] = {}
    for seed in range(20):
        questions, texts = generated(Random(seed))
        expected = [slow(questions, text) for text in texts]
        assert fast(questions, texts) == expected
        # Alone, a text lies elsewhere in memory, and other places of it are looked up.
        assert fast(questions, texts[5:6]) == expected[5:6]
        for rule, _ in (judged for some in expected for judged in some.values()):
            seen[rule] = seen.get(rule, 0) + 1
    assert len(seen) == 3
    assert min(seen.values()) >= 10, seen


ANALECTS = "其身正不令而行其身不正虽令不从"
NUMBERS = "".join(map(str, range(1000, 1080)))


@pytest.mark.parametrize(
    ("question", "text", "rule"),
    [
        (ANALECTS, f"子曰：“其身正，不令而行；其身不正，虽令不从。”{HAN}", "13 characters"),
        (ANALECTS + HAN[:3], f"{HAN[8:]}{ANALECTS}", "13 characters"),
        (ANALECTS + HAN[:9], f"{HAN[8:]}{ANALECTS}", None),  # less than three quarters of the question
        (ANALECTS + HAN, f"{ANALECTS}{HAN[:5]}甲乙丙丁", "13 characters"),  # but 20 characters
        (ANALECTS[:12], f"{HAN}{ANALECTS}", "whole question"),
        (ANALECTS[:7], f"{HAN}{ANALECTS}", None),
        (LATIN, f"He said that {LATIN.upper()[:-1]}.", None),  # 45 letters, and the last of them is not there
        (LATIN, "THE QUICK brown—fox jumps over a lazy dog, while it ｒａｉｎｓ", "whole question"),
        (LATIN * 2, LATIN + LATIN[:8], None),
        (LATIN * 2, LATIN * 2, "50 characters"),
        (NUMBERS, f"{NUMBERS[:100]}末", "50 characters"),
        (NUMBERS, f"{NUMBERS[:99]}末", None),
        (ANALECTS + HAN[:5], ANALECTS, "13 characters"),  # three quarters, exactly
        (ANALECTS + HAN[:9], f"{ANALECTS}甲{HAN[1:5]}", "13 characters"),  # 19 of 24, the last 4 of them in a run
        (ANALECTS + HAN[:9], f"{ANALECTS}甲{HAN[1:4]}", None),  # 18 of 24 if a run of 3 counted
        ("", HAN, None),
        (ANALECTS, "", None),
    ],
)
def test_the_rule(question: str, text: str, rule: str | None) -> None:
    found = list(matches(index([question]), squeeze(["无关的一句话", text])))
    assert [(match.text, match.question, match.rule) for match in found] == ([(1, 0, rule)] if rule else [])


def test_what_many_questions_share_is_wording() -> None:
    stem = "下列关于本文内容的理解和分析不正确的一项是"
    for count, expected in ((3, [0, 1, 2]), (4, [])):
        questions = [f"{stem}{HAN[place : place + 3]}" for place in range(count)]
        found = matches(index(questions), squeeze([f"题目：{stem}？"]))
        assert [match.question for match in found] == expected
        assert index(questions).covered.all()
        assert [each.question for each in matches(index(questions), squeeze([questions[1] + "？"]))] in ([1], [0, 1, 2])


def test_a_whole_question_is_found_at_every_place() -> None:
    question = ANALECTS[:9]
    (match,) = matches(index([question]), squeeze([f"一{question}二{question}"]))
    assert match == Match(0, 0, "whole question", ((1, 10), (11, 20)))


def test_what_no_rule_covers() -> None:
    assert index(["七个字的短问题", "八个字的一个问题", HAN, LATIN, ""]).covered.tolist() == [
        False,
        True,
        True,
        True,
        False,
    ]
