"""The contract every benchmark keeps."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.evaluation.desk import make_benchmark, question, ranked, right_place, subject_files

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.evaluation.alpaca_eval import Output, write_records
from zhiyin.evaluation.arena_hard import Question, write
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.judging import Answered, listed
from zhiyin.execution.catalog import make, names
from zhiyin.records import jsonl
from zhiyin.records.conversation import Document, Message
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

ROW = "问题{},甲,乙,丙,丁,{}"


def exam(folder: Path) -> Records:
    return ConversationSet(ConversationSet.write(folder, [question(number) for number in range(6)]).path)


def texts(folder: Path) -> Records:
    return TextSet(TextSet.write(folder, [Document(f"d{n}", "春" * (n + 1), "test", "诗") for n in range(6)]).path)


def pairs(folder: Path) -> Records:
    rows = [Preference(f"p{n}", (Message("user", "问"),), "好", "坏", "test", "brief") for n in range(6)]
    return PreferenceSet(PreferenceSet.write(folder, rows).path)


def nothing(folder: Path) -> None:
    rows = [ROW.format(number, "ABCD"[number % 4]) for number in range(3)]
    subject_files(folder / "cmmlu", {"agronomy": rows, "arts": rows})


def papers(folder: Path) -> None:
    """Write C-Eval (`law`, `logic`), MMLU (`anatomy`, `virology`) and an exam of one's own, six questions each."""
    rows = [ROW.format(number, "ABCD"[number % 4]) for number in range(3)]
    for split in ("dev", "val", "test"):
        (folder / split).mkdir(exist_ok=True)
        for subject in ("law", "logic"):
            lines = ["id,question,A,B,C,D,answer", *(f"{number},{row}" for number, row in enumerate(rows))]
            (folder / split / f"{subject}_{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for subject in ("anatomy", "virology"):
            (folder / split / f"{subject}_{split}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    lines = ["question,A,B,C,D,answer", *rows, *rows]
    (folder / "own.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def problems(folder: Path) -> None:
    rows = [{"question": f"{number} + 1?", "answer": f"#### {number + 1}"} for number in range(6)]
    _lines(folder / "gsm8k", rows)


def checked(folder: Path) -> None:
    rows = [{"question": f"Q{n}", "choices": list("wxyz"), "answer": n % 4, "subject": "arts"} for n in range(6)]
    _lines(folder / "mmlu_redux", rows)


def _lines(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def instructions(folder: Path) -> None:
    write_records(folder / "outputs.json", [Output(f"问题{n}", "基线", "base", "koala") for n in range(6)])


def hard_questions(folder: Path) -> None:
    write(folder / "question.jsonl", [Question(str(n), f"难题{n}", "hard_prompt") for n in range(6)])


def judged_answers(folder: Path) -> None:
    turns = (Message("user", "问"),)
    rows = [Answered(f"q{n}", turns, {"a": "好", "b": "坏"}, "翻译") for n in range(6)]
    jsonl.write(folder / "six.jsonl", rows)
    jsonl.write(folder / "three.jsonl", rows[:3])


def our_own(folder: Path) -> None:
    """Nothing: these questions lie in the package."""


Case = tuple[dict[str, Any], Callable[[Path], Records | None]]

CASES: list[Case] = [
    ({"name": "alpaca_eval", "file": "outputs.json"}, instructions),
    ({"name": "arena_hard", "file": "question.jsonl"}, hard_questions),
    ({"name": "chinese_quality"}, exam),
    ({"name": "ceval", "folder": ".", "subjects": ["law", "logic"], "shots": 1}, papers),
    ({"name": "cmmlu", "folder": "cmmlu", "subjects": ["agronomy", "arts"], "shots": 1}, nothing),
    *(
        ({"name": "cmmlu", "protocol": protocol, "folder": "cmmlu", "subjects": ["agronomy", "arts"]}, nothing)
        for protocol in ("harness", "llamafactory", "opencompass", "generate")
    ),
    ({"name": "generated_exam", "protocol": "answer_text"}, exam),
    ({"name": "generated_exam", "protocol": "letter"}, exam),
    ({"name": "generated_exam", "protocol": "generate"}, exam),
    ({"name": "gsm8k", "protocol": "zeroeval", "file": "gsm8k"}, problems),
    ({"name": "gsm8k", "protocol": "harness_cot", "file": "gsm8k"}, problems),
    ({"name": "judged", "answers": "six.jsonl"}, judged_answers),
    ({"name": "judged_pairs", "answers": "three.jsonl"}, judged_answers),
    ({"name": "judged_tasks", "limit_per_task": 3}, our_own),
    ({"name": "mmlu", "folder": ".", "subjects": ["anatomy", "virology"], "shots": 1}, papers),
    ({"name": "mmlu_redux", "file": "mmlu_redux"}, checked),
    ({"name": "own_exam", "file": "own.csv"}, papers),
    ({"name": "perplexity"}, texts),
    ({"name": "preference"}, pairs),
    ({"name": "translation"}, exam),
]
every = pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(map(str, list(case[0].values())[:2])))


def located(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Put the files of a case where its records function wrote them."""
    return settings | {key: str(folder / settings[key]) for key in ("folder", "file", "answers") if key in settings}


def asked(case: Case, folder: Path) -> tuple[Benchmark, list[Prompt]]:
    settings, records = case
    found = records(folder)
    benchmark = make_benchmark(located(settings, folder))
    return benchmark, list(benchmark.prompts(found))


def marks(benchmark: Benchmark, prompt: Prompt, completion: Completion) -> dict[str, Mark]:
    reference = ranked(prompt, 1) if benchmark.needs_reference else None
    found = list(benchmark.marks(prompt, completion, reference))
    assert len({mark.measure for mark in found}) == len(found)
    item = prompt.meta.get("item", prompt.id)  # of several prompts about one question, the first one's id
    assert all((mark.prompt_id, mark.group) == (item, prompt.group) and mark.weight > 0 for mark in found)
    return {mark.measure: mark for mark in found}


def replied(prompt: Prompt, right: bool) -> Completion:
    if "order" in prompt.meta:
        text = "System1: 9，System2: 3\n[[A]]" if right else "System1: 3，System2: 9\n[[B]]"
        return Completion(prompt.id, text=text, stopped="stop")
    if prompt.id.startswith(("09numbers/", "10talks/")):
        return Completion(prompt.id, text="一个回答", stopped="stop" if right else "length")
    number, letter = prompt.id.startswith("gsm8k/"), prompt.id.startswith("mmlu_redux/")
    if number or letter:
        said = prompt.reference if right else "999" if number else "ABCD"["BCDA".index(prompt.reference)]
        text = f" The answer is {said}." if prompt.text else f'{{"reasoning": "so", "answer": "{said}"}}'
        return Completion(prompt.id, text=text, stopped="stop")
    if not prompt.choices and prompt.reference in LETTERS:
        return Completion(prompt.id, text=f"选{LETTERS[right_place(prompt) - (not right)]}。", stopped="stop")
    if prompt.group == "to Chinese":
        return Completion(prompt.id, text=prompt.reference if right else "不知道", stopped="stop")
    if not prompt.choices and not prompt.meta:
        return Completion(prompt.id, text="是的。" if right else "I cannot help with that.", stopped="stop")
    if not prompt.choices and "choices" not in prompt.meta:
        return Completion(prompt.id, text="一个回答", stopped="stop" if right else "length")
    if not prompt.choices:
        wrong = next(text for text in prompt.meta["choices"] if text != prompt.reference)  # type: ignore[union-attr]
        return Completion(prompt.id, text=f"是{prompt.reference if right else wrong}。", stopped="stop")
    place = right_place(prompt)
    return ranked(prompt, place if right else (place + 1) % len(prompt.choices), mass=0.9 if right else 0.1)


def test_all_have_a_case() -> None:
    family: Any = Benchmark
    assert {case[0]["name"] for case in CASES} == set(names(family))


@every
def test_prompts_have_unique_ids_and_a_fixed_order(case: Case, tmp_path: Path) -> None:
    _, first = asked(case, tmp_path)
    _, second = asked(case, tmp_path)
    assert first == second
    assert len({prompt.id for prompt in first}) == len(first) == 6
    assert all(bool(prompt.messages) != (prompt.text is not None) and prompt.group for prompt in first)
    assert [msgspec.json.decode(msgspec.json.encode(prompt), type=Prompt) for prompt in first] == first


@every
def test_right_answers_are_worth_more_than_wrong_ones(case: Case, tmp_path: Path) -> None:
    benchmark, prompts = asked(case, tmp_path)
    for prompt in prompts:
        right, wrong = (marks(benchmark, prompt, replied(prompt, right)) for right in (True, False))
        assert right.keys() == wrong.keys()
        if "accuracy" in right:
            assert (right["accuracy"].value, wrong["accuracy"].value) == (1.0, 0.0)
            assert right["accuracy"].extracted == prompt.reference != wrong["accuracy"].extracted
        elif benchmark.needs_reference:
            assert (right["reward_accuracy"].value, right["chosen_preferred"].value) == (1.0, 1.0)
            assert (wrong["reward_accuracy"].value, wrong["chosen_preferred"].value) == (0.5, 0.0)
        elif "order" in prompt.meta:
            (measure,) = (name for name in right if name.endswith(f"/{listed(prompt, 'order')[0]}"))
            assert right[measure].value > wrong[measure].value
        elif right.keys() == {"characters", "stopped"}:
            assert (right["stopped"].value, wrong["stopped"].value) == (1.0, 0.0)
        elif "bleu" in right:
            assert right["bleu"].value > wrong["bleu"].value
        else:
            measure = "perplexity" if "perplexity" in right else "other_language"
            assert right[measure].value < wrong[measure].value


@every
def test_no_answer_is_unanswered_and_wrong_or_an_error_with_the_id(case: Case, tmp_path: Path) -> None:
    benchmark, prompts = asked(case, tmp_path)
    silent = Completion(prompts[0].id)
    if "accuracy" in marks(benchmark, prompts[0], replied(prompts[0], right=True)):
        found = marks(benchmark, prompts[0], silent)["accuracy"]
        assert (found.value, found.extracted) == (0.0, None)
    elif "order" in prompts[0].meta:
        assert {(mark.value, mark.extracted) for mark in marks(benchmark, prompts[0], silent).values()} == {(0.0, None)}
    else:
        with pytest.raises(ValueError, match=f"prompt {prompts[0].id}: .* answer it again"):
            marks(benchmark, prompts[0], silent)


@every
def test_a_recorded_benchmark_marks_the_same_when_its_files_are_gone(case: Case, tmp_path: Path) -> None:
    benchmark, prompts = asked(case, tmp_path)
    recorded = benchmark.plain()
    shutil.rmtree(tmp_path)
    family: Any = Benchmark
    again: Benchmark = make(family, recorded, context={"recorded": True})
    for prompt in prompts:
        answer = replied(prompt, right=True)
        assert marks(again, prompt, answer) == marks(benchmark, prompt, answer)
    assert type(again) is type(benchmark)


@every
def test_needs_say_what_prompts_reads(case: Case, tmp_path: Path) -> None:
    settings, records = case
    found = records(tmp_path)
    benchmark = make_benchmark(located(settings, tmp_path))
    assert (found is None) == (not benchmark.needs)
    assert found is None or isinstance(found, benchmark.needs)
