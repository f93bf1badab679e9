"""Every protocol's prompts byte for byte, typed by hand after its source."""

from typing import Any

import numpy as np
import pytest

from zhiyin.evaluation.protocols import llamafactory, opencompass
from zhiyin.evaluation.protocols.item import ExamName, Item
from zhiyin.evaluation.protocols.known import PROTOCOLS, ProtocolName
from zhiyin.evaluation.questions import Question
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt

ASKED = Question(" 水是什么 ", ("甲", "乙", "丙", "丁"), "C")
SHOT = Question("天是什么", ("一", "二", "三", "四"), "B")
OTHER = Question("地是什么", ("五", "六", "七", "八"), "D")
FORM = "{}\nA. 甲\nB. 乙\nC. 丙\nD. 丁"
SHOT_FORM = "天是什么\nA. 一\nB. 二\nC. 三\nD. 四"
OTHER_FORM = "地是什么\nA. 五\nB. 六\nC. 七\nD. 八"
LETTERS = ("A", "B", "C", "D")
SPACED = (" A", " B", " C", " D")


def asked(protocol: ProtocolName, exam: ExamName, *shots: Question, chat: bool | None = None) -> Prompt:
    way = PROTOCOLS[protocol]
    item = Item(id="化学/0", exam=exam, subject="化学", question=ASKED, shots=shots, group="chemistry")
    prompt = way.prompt(item, way.forms[0] if chat is None else chat)
    assert (prompt.id, prompt.group, prompt.reference) == ("化学/0", "chemistry", "C")
    return prompt


def said(prompt: Prompt) -> list[tuple[str, str]]:
    assert prompt.text is None
    return [(message.role, message.content) for message in prompt.messages]


@pytest.mark.parametrize(
    ("exam", "text", "choices"),
    [
        (
            "cmmlu",
            "以下是关于化学的单项选择题，请直接给出正确答案的选项。\n\n"
            f"题目：{SHOT_FORM}\n答案是：B\n\n题目：{FORM.format(ASKED.text)}\n答案是：",
            LETTERS,
        ),
        (
            "ceval",
            "以下是中国关于化学考试的单项选择题，请选出其中的正确答案。\n\n"
            f"{SHOT_FORM}\n答案：B\n\n{FORM.format(ASKED.text)}\n答案：",
            LETTERS,
        ),
        (
            "mmlu",
            "The following are multiple choice questions (with answers) about  化学.\n\n"
            f"{SHOT_FORM}\nAnswer: B\n\n{FORM.format(ASKED.text)}\nAnswer:",
            SPACED,
        ),
    ],
)
def test_official(exam: ExamName, text: str, choices: tuple[str, ...]) -> None:
    prompt = asked("official", exam, SHOT)
    assert (prompt.text, prompt.choices, prompt.add_bos, prompt.messages) == (text, choices, None, ())


@pytest.mark.parametrize(
    ("exam", "header", "cue"),
    [
        ("cmmlu", "以下是关于化学的单项选择题，请直接给出正确答案的选项。\n\n", "\n答案："),
        ("ceval", "以下是中国关于化学的单项选择题，请选出其中的正确答案。\n\n", "\n答案："),
        ("mmlu", "The following are multiple choice questions (with answers) about 化学.\n\n", "\nAnswer:"),
    ],
)
def test_harness(exam: ExamName, header: str, cue: str) -> None:
    """The question is stripped; a blank stands between cue and letter, in shots and choices alike."""
    prompt = asked("harness", exam, SHOT)
    assert prompt.text == f"{header}{SHOT_FORM}{cue} B\n\n{FORM.format('水是什么')}{cue}"
    assert (prompt.choices, prompt.add_bos) == (SPACED, None)
    turns = asked("harness", exam, SHOT, chat=True)
    assert said(turns) == [
        ("system", header),
        ("user", SHOT_FORM + cue),
        ("assistant", "B"),
        ("user", FORM.format("水是什么") + cue),
    ]
    assert turns.choices == LETTERS


@pytest.mark.parametrize(
    ("exam", "header", "cue"),
    [
        ("cmmlu", "以下是中国关于化学考试的单项选择题，请选出其中的正确答案。\n\n", "\n答案："),
        ("ceval", "以下是中国关于化学考试的单项选择题，请选出其中的正确答案。\n\n", "\n答案："),
        ("mmlu", "The following are multiple choice questions (with answers) about 化学.\n\n", "\nAnswer:"),
    ],
)
def test_llamafactory(exam: ExamName, header: str, cue: str) -> None:
    prompt = asked("llamafactory", exam, SHOT, OTHER)
    assert said(prompt) == [
        ("user", header + SHOT_FORM + cue),
        ("assistant", "B"),
        ("user", OTHER_FORM + cue),
        ("assistant", "D"),
        ("user", FORM.format(ASKED.text) + cue),
    ]
    assert prompt.choices == LETTERS
    raw = asked("llamafactory", exam, SHOT, chat=False)
    assert raw.text == f"{header}{SHOT_FORM}{cue}B\n\n{FORM.format(ASKED.text)}{cue}"
    assert (raw.choices, raw.add_bos) == (LETTERS, False)
    assert said(asked("llamafactory", exam)) == [("user", header + FORM.format(ASKED.text) + cue)]


def test_opencompass_joins_rounds_as_its_parser_does() -> None:
    head = "以下是关于化学的单项选择题，请直接给出正确答案的选项。\n题目："
    prompt = asked("opencompass", "cmmlu", SHOT, OTHER)
    assert (prompt.text, prompt.add_bos) == ("", None)
    assert prompt.choices[3] == (
        f"{head}{SHOT_FORM}\n答案是: B\n\n\n{head}{OTHER_FORM}\n答案是: D\n\n\n\n\n"
        f"{head}{FORM.format(ASKED.text)}\n答案是: D"
    )
    assert [text[-1] for text in prompt.choices] == list(LETTERS)
    assert len({text[:-1] for text in prompt.choices}) == 1
    assert asked("opencompass", "cmmlu").choices[0] == f"\n\n{head}{FORM.format(ASKED.text)}\n答案是: A"
    head = "以下是中国关于化学考试的单项选择题，请选出其中的正确答案。\n"
    assert asked("opencompass", "ceval", SHOT).choices[1] == (
        f"{head}{SHOT_FORM}\n答案: \nB\n\n\n\n\n{head}{FORM.format(ASKED.text)}\n答案: \nB"
    )


def test_opencompass_writes_mmlu_as_plain_text() -> None:
    head = "The following are multiple choice questions (with answers) about  化学.\n\n"
    assert asked("opencompass", "mmlu", SHOT, OTHER).choices[0] == (
        f"{head}{SHOT_FORM}\nAnswer: B\n\n{OTHER_FORM}\nAnswer: D\n\n{FORM.format(ASKED.text)}\nAnswer: A"
    )


class Rounds(list[Any]):
    """The parts of a prompt as OpenCompass keeps them: `HUMAN` and `BOT` in pairs, loose strings between."""

    def rendered(self) -> str:
        """Join as `LMTemplateParser` does without a meta template: a line break in front of all but the first."""
        text, separator = "", ""
        for part in self:
            if part:
                text += separator + part
            separator = "\n"
        return text


@pytest.mark.parametrize("shots", [(), (SHOT,), (SHOT, OTHER), (SHOT, OTHER) * 3])
def test_opencompass_equals_its_parser_step_by_step(shots: tuple[Question, ...]) -> None:
    """The slow twin: `generate_ice` with separator and end `\\n`, then the parser; no shots are the end alone."""
    human, bot = (part.replace("{subject}", "化学") for part in opencompass.ROUNDS["cmmlu"])

    def filled(text: str, question: Question) -> str:
        options = dict(zip(LETTERS, question.options, strict=True))
        for name, value in {"question": question.text, **options}.items():
            text = text.replace("{" + name + "}", value)
        return text

    parts = Rounds()
    for shot in shots:
        parts += [filled(human, shot), f"{bot}{shot.answer}", "\n"]
    parts.append("\n")
    wanted = [Rounds([*parts, filled(human, ASKED), f"{bot}{letter}"]).rendered() for letter in LETTERS]
    assert list(asked("opencompass", "cmmlu", *shots).choices) == wanted


def test_opencompass_keeps_the_fault_of_its_formatting() -> None:
    r"""`\boldsymbol{A}` in a question becomes the text of option A, and in a shot that of the question's option A."""
    tex = Question(r"矩阵$\boldsymbol{A}$的秩", ("1", "2", "3", "4"), "A")
    way = PROTOCOLS["opencompass"]
    text = way.prompt(Item(id="x", exam="ceval", subject="数学", question=tex, shots=(SHOT,)), False).choices[0]
    assert r"矩阵$\boldsymbol1$的秩" in text
    shown = way.prompt(Item(id="x", exam="ceval", subject="数学", question=SHOT, shots=(tex,)), False).choices[0]
    assert r"矩阵$\boldsymbol1$的秩" in shown


def test_opencompass_ranks_by_the_mean_over_all_tokens_with_bos() -> None:
    assert opencompass.rank(-12.0, 5) == -2.0


def test_generate_asks_the_official_words_as_turns_and_scores_nothing() -> None:
    prompt = asked("generate", "cmmlu", SHOT)
    assert prompt.messages == (
        Message(
            "user",
            f"以下是关于化学的单项选择题，请直接给出正确答案的选项。\n\n题目：{SHOT_FORM}\n答案是：",
        ),
        Message("assistant", "B"),
        Message("user", f"题目：{FORM.format(ASKED.text)}\n答案是："),
    )
    assert prompt.choices == ()


def test_draws_are_those_of_numpys_global_state() -> None:
    """The slow twin: the lines of `Dataset.shuffle` on numpy's own global state after `set_seed(42)`."""
    before = np.random.get_state()
    try:
        np.random.seed(42)
        wanted = []
        for _ in range(700):
            state: Any = np.random.get_state()
            words, place = state[1:3]
            seed = words[place] if place < 624 else words[0]
            np.random.random()
            wanted.append(np.random.default_rng(seed).permutation(5).tolist())
    finally:
        np.random.set_state(before)
    draws = llamafactory.Draws()
    assert [draws.next(5) for _ in range(700)] == wanted
    late = llamafactory.Draws()
    late.skip(650)
    assert [late.next(5) for _ in range(50)] == wanted[650:]
    assert len({tuple(order) for order in wanted}) > 100


def test_the_order_of_the_tools_subjects() -> None:
    names = ["clinical_knowledge", "college_education", "college_medical_statistics", "college_medicine", "anatomy"]
    assert llamafactory.order("cmmlu", names) == [names[4], names[1], names[2], names[0], names[3]]
    assert llamafactory.order("ceval", ["law", "accountant"]) == ["accountant", "law"]


def test_every_protocol_says_how_it_averages_every_exam() -> None:
    averages = {
        name: tuple(way.average[exam] for exam in ("cmmlu", "ceval", "mmlu")) for name, way in PROTOCOLS.items()
    }
    assert averages == {
        "official": ("macro", "macro", "micro"),
        "harness": ("micro", "micro", "micro"),
        "llamafactory": ("micro", "micro", "micro"),
        "opencompass": ("macro", "macro", "macro"),
        "generate": ("macro", "macro", "micro"),
    }
