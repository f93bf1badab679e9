"""What judges really write, read or left alone; a round trip through every form."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.evaluation.judge_reply import scores_in, verdict_in

FIVE = {1: 8.0, 2: 7.5, 3: 9.0, 4: 10.0, 5: 0.0}

READ = {
    "as asked": (
        "System1 分数：8；System1 解释：内容完整。\nSystem2 分数：7.5；System2 解释：有一处错误，比System1差。\n"
        "System3 分数：9；System3 解释：很好。\n"
        "System4 分数：10；System4 解释：完美。\nSystem5 分数：0；System5 解释：没有回答。"
    ),
    "one line": "System1: 8, System2: 7.5, System3: 9, System4: 10, System5: 0",
    "full width": "Ｓｙｓｔｅｍ１：８分；Ｓｙｓｔｅｍ２：７.５分；System３：９分；System４：１０分；System５：０分",
    "out of ten": "System 1: 8/10\nSystem 2: 7.5/10\nSystem 3: 9 / 10\nSystem 4: 10/10\nSystem 5: 0/10",
    "words": (
        "System 1 gets a score of 8. It is fluent.\nSystem 2 receives 7.5 points, since it repeats System 1.\n"
        "System 3 is 9 out of 10.\nSystem 4 scores 10!\nSystem 5 got a rating of 0: refused."
    ),
    "chinese labels": "系统一：8分。\n系统二：7.5分。\n系统三：9分。\n系统四：10分。\n系统五：0分。",
    "ordinals": "第一个系统得8分，第二个系统得7.5分，第三个系统得9分，第四个系统得10分，第五个系统得0分",
    "bold": "**System1**：**8分**\n**System2**：**7.5分**\n**System3**：**9**\n**System4**: **10**\n**System5**: **0**",
    "bullets": "- System1（8分）：好\n- System2（7.5分）：中\n"
    "- System3（9分）\n- System4（10分）\n- System5（0分）：差",
    "numbered": "1. System1: 8分\n2. System2: 7.5分\n3. System3: 9分\n4. System4: 10分\n5. System5: 0分",
    "numbers alone": "1. 8分，内容完整\n2. 7.5分\n3、9分\n4) 10/10\n5：0分",
    "a row of numbers": "8 7.5 9 10 0",
    "lines of numbers": "8\n7.5\n9\n10\n0\n",
    "headings": (
        "### System1\n分数：8\n解释：流畅，有3个例子。\n\n### System2\n分数：7.5\n解释：不如System1的回答。\n\n"
        "### System3\n**得分**：9\n\n### System4\n评分：10分\n\n"
        "### System5\nScore: 0/10\nExplanation: System 1 is better."
    ),
    "explanation first": (
        "System1：回答准确，涵盖了5个要点。得分：8分。\nSystem2：有2处错误。得分：7.5分。\nSystem3：优秀。得分：9分。\n"
        "System4：完美。得分：10分。\nSystem5：拒答。得分：0分。"
    ),
    "table": (
        "| 系统 | 分数 | 解释 |\n|---|:-:|---|\n| System1 | 8 | 好 |\n| System2 | 7.5 | 有2处错误 |\n"
        "| System3 | 9 | 好 |\n"
        "| System4 | 10 | 完美 |\n| System5 | 0 | 空 |"
    ),
    "score last": (
        "| System | Comment | Score |\n| --- | --- | --- |\n| System 1 | fluent | 8/10 |\n| System 2 | 2 errors |"
        " 7.5/10 |\n"
        "| System 3 | good | **9** |\n| System 4 | perfect | 10 |\n| System 5 | refused | 0 |"
    ),
    "columns": (
        "| | System1 | System2 | System3 | System4 | System5 |\n|---|---|---|---|---|---|\n"
        "| 分数 | 8 | 7.5 | 9 | 10 | 0 |"
    ),
    "a hundred": "System1: 80/100\nSystem2: 75/100\nSystem3: 90/100\nSystem4: 100/100\nSystem5: 0/100",
    "chinese numerals": "System1：八分\nSystem2：七分半\nSystem3：九分\nSystem4：十分\nSystem5：零分",
    "a point in chinese": "系统1：八分；系统2：七点五分；系统3：九分；系统4：十分；系统5：零分",
    "of ten in chinese": (
        "System1：8分（满分10分）\nSystem2：7.5分(满分10分)\nSystem3：9分（满分10分）\nSystem4：10分\nSystem5：0分"
    ),
    "said twice": (
        "System1: 8, System2: 7.5, System3: 9, System4: 10, System5: 0\n总结：System1 8分，System2 7.5分，System3 9分"
    ),
    "circled": "System①：8分 System②：7.5分 System③：9分 System④：10分 System⑤：0分",
    "prompt repeated": (
        "请以 10 分制为每一项打分。输出结果格式为：System 分数；System 解释。\n"
        "System1 分数：8；System2 分数：7.5；System3 分数：9；System4 分数：10；System5 分数：0"
    ),
    "fillers": "对于System1，我给8分；System2应该得7.5分；System3得了9分；System4我会打10分；System5的得分是0分",
    "the scale again": (
        "System1（满分10分）：8分\nSystem2 分数(0-10)：7.5\nSystem3得分（满分为10）：9\n"
        "System 4's score: 10\nAssistant 5’s final score is 0"
    ),
    "alone below": "System1\n8分\n内容好\n\nSystem2：\n7.5/10\n\n**System3**\n9\n\nSystem4\n10分。\n\nSystem5\n0分",
    "parts and a total": (
        "System1：准确性评分 9 分，流畅性评分 7 分，总分：8 分\nSystem2：内容得分8，语言得分7，综合得分7.5\n"
        "System3: accuracy score 9, style score 8, overall score: 9\nSystem4：评分10，语言评分9，最终得分10\n"
        "System5：总分0"
    ),
    "windows": "System1：8\r\nSystem2：7.5\r\nSystem3：9\r\nSystem4：10\r\nSystem5：0\r\n",
}


@pytest.mark.parametrize("form", READ)
def test_scores_are_read(form: str) -> None:
    assert scores_in(READ[form], 5) == FIVE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("对不起，我无法评价这些回答。", {}),
        ("I'm sorry, I can't help with that.", {}),
        ("Système un est le meilleur.", {}),
        ("System1: 8分\nSystem3: 6分", {1: 8.0, 3: 6.0}),
        ("System1: 8分\nSystem2: 无法评分\nSystem3: 6分", {1: 8.0, 3: 6.0}),
        ("System1: 85分\nSystem2: 7分", {2: 7.0}),
        ("System1: 11/10, System2: 7/10", {2: 7.0}),
        ("System1: 7-8分\nSystem2: 7分", {2: 7.0}),
        ("System1: 7到8分\nSystem2: 7分", {2: 7.0}),
        ("System1: -3\nSystem2: 7分", {2: 7.0}),
        ("System1: 8分 ... 改正：System1: 6分；System2: 7分", {2: 7.0}),
        ("System1 有 3 处错误。System2: 7分", {2: 7.0}),
        ("System1 比 System2 多 2 个例子。\nSystem1 分数：9", {1: 9.0}),
        ("System1 的回答十分好。", {}),
        ("System4: 5分", {}),
        ("System12: 5分，System2: 4分", {2: 4.0}),
        ("System1、System2 都不错", {}),
        ("1. 8分\n2. 7分", {}),
        ("8 7", {}),
        ("2023年有3个系统", {}),
        ("System1 2023年的知识。", {}),
        ("System2 解释：比System1的回答多得2分。\nSystem1 分数：6；System2 分数：8", {1: 6.0, 2: 8.0}),
        ("8分 - System1\n7分 - System2\n6分 - System3", {}),
        ("8 - System1\n7 - System2\n6 - System3", {}),
        ("System1、System2、System3分别得8、7、9分", {}),
        ("System1至System3的分数分别为：8、7、9", {}),
        ("System1：准确性评分9分，流畅性评分7分\nSystem2：评分7分", {2: 7.0}),
        ("System1\n3 个优点\nSystem2\n分数：7", {2: 7.0}),
        ("System1：第2名。System2：第1名。", {}),
        ("System1: 3.14159 是圆周率", {1: 3.14159}),
    ],
)
def test_what_is_not_there_is_left_out(text: str, expected: dict[int, float]) -> None:
    assert scores_in(text, 3) == expected


@pytest.mark.parametrize(
    "text",
    [
        "System1",
        " ",
        "\n",
        "System1\n \n",
        "(",
        "|",
        "得到",
        "的得分是",
        "最终得分 ",
        "1. ",
        "8 ",
        "System1：评分好",
        "- ",
        "> ",
    ],
)
def test_what_a_broken_judge_repeats_is_read_at_once(text: str) -> None:
    began = time.process_time()
    assert scores_in("System1" + text * (20_000 // len(text)) + "x", 5) == {}
    assert time.process_time() - began < 2.0


FORMS = [
    "System{place} 分数：{score}；System{place} 解释：还可以，与System1相比一般。",
    "System {place}: {score}/10",
    "系统{place}：{score}分",
    "**System{place}**: **{score}** - fine",
    "| System{place} | 一般 | {score} |",
    "### System {place}\n评分：{score}分\n理由：有 3 处错误",
]


@given(
    st.lists(st.integers(0, 20).map(lambda half: half / 2), min_size=2, max_size=8),
    st.sampled_from(FORMS),
    st.sampled_from(["\n", "\n\n"]),
    st.booleans(),
)
def test_any_scores_come_back(scores: list[float], form: str, between: str, wide: bool) -> None:
    lines = [form.format(place=place, score=f"{score:g}") for place, score in enumerate(scores, start=1)]
    text = between.join(lines)
    if wide:
        text = text.translate(str.maketrans("0123456789:/", "０１２３４５６７８９：／"))
    assert scores_in(text, len(scores)) == dict(enumerate(scores, start=1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("甲更完整。\n[[A]]", "A"),
        ("I prefer the second.\n\n[[B]]", "B"),
        ("不相上下：[[C]]", "C"),
        ("结论：[[tie]]", "C"),
        ("［［Ａ］］", "A"),
        ("不是 [[A]]，而是 [[B]]。", "B"),
        ("**[[a]]**", "A"),
        ("A 更好", None),
        ("", None),
        ("[A]", None),
        ("[[D]]", None),
    ],
)
def test_verdicts(text: str, expected: str | None) -> None:
    assert verdict_in(text) == expected
