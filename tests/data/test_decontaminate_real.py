"""The real benchmarks against the real training rows: planted leaks are found, and each flag was judged by a reader."""

import csv
import random
from pathlib import Path

import msgspec
import pytest
from tests.data.real_rows import SHARED, training_rows

from zhiyin.artifacts import HITS, ConversationSet, PromptSet, TextSet
from zhiyin.data.contamination import Config as ScanConfig
from zhiyin.data.contamination import contamination
from zhiyin.data.decontaminate import Config, decontaminate
from zhiyin.data.kernels.squeeze import squeeze
from zhiyin.evaluation.prepare import Config as PrepareConfig
from zhiyin.evaluation.prepare import prepare
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.contamination import Hit
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.prompt import Prompt
from zhiyin.text.script import converted

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real data is not at {SHARED}")

VERDICTS = Path(__file__).with_name("contamination_verdicts.tsv")
CMMLU, CEVAL, GSM8K = SHARED / "cmmlu", SHARED / "ceval", SHARED / "gsm8k" / "test.jsonl"
ALPACA = SHARED / "alpaca_eval" / "results" / "gpt4_1106_preview" / "model_outputs.json"
BENCHMARKS: dict[str, dict[str, object]] = {
    "cmmlu": {"name": "cmmlu", "folder": CMMLU, "shots": 5},
    "cmmlu_dev": {"name": "cmmlu", "folder": CMMLU, "split": "dev"},
    "ceval_test": {"name": "ceval", "folder": CEVAL, "split": "test", "protocol": "generate"},
    "ceval_val": {"name": "ceval", "folder": CEVAL, "split": "val"},
    "ceval_dev": {"name": "ceval", "folder": CEVAL, "split": "dev"},
    "mmlu_dev": {"name": "mmlu", "folder": SHARED / "mmlu" / "hendrycks_layout", "split": "dev"},
    "mmlu_test": {"name": "mmlu", "folder": SHARED / "mmlu" / "hendrycks_layout"},
    "gsm8k": {"name": "gsm8k", "file": GSM8K, "protocol": "harness_cot"},
    "arena_hard_1": {"name": "arena_hard", "file": SHARED / "arena_hard" / "arena-hard-v0.1" / "question.jsonl"},
    "arena_hard_2": {"name": "arena_hard", "file": SHARED / "arena_hard" / "arena-hard-v2.0" / "question.jsonl"},
    "dreamergpt": {"name": "judged_tasks", "folder": SHARED / "dreamergpt_test_data", "own": False},
    "alpaca_eval": {"name": "alpaca_eval", "file": ALPACA},
}


class BelleRow(msgspec.Struct):
    """A line of BELLE's evaluation set."""

    question: str


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PromptSet]:
    """Prepare every benchmark of the shared folder, with shots and instructions that are not to be protected."""
    root = tmp_path_factory.mktemp("exams")
    made = {
        name: prepare(PrepareConfig.model_validate({"benchmark": settings}), out=root / name, runtime=Runtime())
        for name, settings in BENCHMARKS.items()
    }
    rows = enumerate(jsonl.read(SHARED / "belle_eval" / "eval_set.json", BelleRow))
    asked = [Prompt(str(number), (Message("user", row.question),)) for number, row in rows]
    made["belle_eval"] = PromptSet.write(root / "belle_eval", asked)
    return made


def test_each_flag_was_judged(exams: dict[str, PromptSet], tmp_path: Path) -> None:
    """The table holds the verdict of a reader on every hit; at most two are no quotations."""
    rows = TextSet.write(tmp_path / "rows", training_rows())
    assert rows.summary["records"] == 29_814
    sets = {"rows": rows}
    made = contamination(ScanConfig(), out=tmp_path / "out", runtime=Runtime(), records=sets, prompts=exams)
    with VERDICTS.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    judged = {(row["record"], row["prompts"], row["prompt"], row["rule"], row["shared"]) for row in table}
    found = {(hit.record_id, hit.prompts, hit.prompt_id, hit.rule, short(hit.shared)) for hit in made.hits}
    assert found == judged
    assert len(table) == len(judged) == made.summary["hits"]
    assert {row["verdict"] for row in table} == {"quotation", "coincidence"}
    assert len({row["record"] for row in table if row["verdict"] == "coincidence"}) <= 2
    uncovered = {name: count for name, count in made.summary["uncovered"].items() if count}
    assert uncovered == {"belle_eval": 3, "dreamergpt": 6}  # under 8 characters, and without options


def short(text: str) -> str:
    """Return what the table shows of a quotation."""
    return " ".join(text.split())[:24]


PUNCTUATION = "，。！？：；、,.?!:;“”\"'（）()"


def edited(text: str, draw: random.Random) -> str:
    """Change punctuation, width, case and white space here and there."""
    made = []
    for one in text:
        fate = draw.random()
        if one in PUNCTUATION and fate < 0.3:
            made.append(draw.choice(["", " ", "，", "。", ", "]))
        elif one.isascii() and one.isalnum() and fate < 0.2:
            made.append(draw.choice([chr(ord(one) + 0xFEE0), one.upper(), one.lower()]))
        else:
            made.append(one)
        if fate > 0.98:
            made.append(draw.choice([" ", "\n", "　"]))
    return "".join(made)


def test_planted_leaks_are_found(exams: dict[str, PromptSet], tmp_path: Path) -> None:
    """Of questions of 8 or more characters 99.5 %; of those below, with their options, as many."""
    draw = random.Random(20240601)
    sets = {name: exams[name] for name in ("cmmlu", "ceval_test", "ceval_val", "gsm8k")}
    asked = [(name, prompt) for name, some in sets.items() for prompt in some]
    lengths = squeeze([str(prompt.meta["question"]) for _, prompt in asked]).lengths.tolist()
    long = [pair for pair, length in zip(asked, lengths, strict=True) if length >= 8]
    brief = [pair for pair, length in zip(asked, lengths, strict=True) if length < 8]
    assert (len(long), len(brief)) == (26_089, 500)
    rows = [row.text for row in training_rows()]
    planted: dict[tuple[str, str], str] = {}
    for name, prompt in [*draw.sample(long, 3_000), *brief]:
        said = str(prompt.meta["question"])
        if (name, prompt) in brief:
            options = prompt.meta["options"]
            assert isinstance(options, list)
            said += "".join(f"\n{letter}. {text}" for letter, text in zip("ABCD", options, strict=True))
        lead = draw.choice(["请回答：", "", "Question: ", "1. "])
        planted[name, prompt.id] = f"{draw.choice(rows)[:300]}\n{lead}{edited(said, draw)}"
    found = missed(planted, sets, tmp_path)
    below = {(name, prompt.id) for name, prompt in brief}
    assert len([name for name in found if name not in below]) <= 0.005 * 3_000
    assert len([name for name in found if name in below]) <= 0.02 * 500


@pytest.mark.parametrize(("form", "at_most"), [("glued", 0.005), ("traditional", 0.005)])
def test_leaks_in_other_forms_are_found(form: str, at_most: float, exams: dict[str, PromptSet], tmp_path: Path) -> None:
    """Options that follow the question without a break, and questions in traditional characters."""
    draw = random.Random(20241122)
    sets = {name: exams[name] for name in ("cmmlu", "ceval_test", "ceval_val")}
    asked = [(name, prompt) for name, some in sets.items() for prompt in some]
    planted: dict[tuple[str, str], str] = {}
    for name, prompt in draw.sample(asked, 1_000):
        options = prompt.meta["options"]
        assert isinstance(options, list)
        listed = " ".join(f"{letter}.{text}" for letter, text in zip("ABCD", options, strict=True))
        said = f"{prompt.meta['question']}{listed}"
        planted[name, prompt.id] = converted([said], "traditional", "opencc")[0] if form == "traditional" else said
    assert len(missed(planted, sets, tmp_path)) <= at_most * 1_000


def missed(planted: dict[tuple[str, str], str], sets: dict[str, PromptSet], folder: Path) -> list[tuple[str, str]]:
    """Return the questions, as set and id, that are not found in the record that asks each."""
    records = [
        Conversation(f"{name}|{id}", (Message("user", text), Message("assistant", "好。")), "x")
        for (name, id), text in planted.items()
    ]
    data = keeping(ConversationSet.write(folder / "in", records))
    decontaminate(Config(max_rejected=1), out=folder / "out", runtime=Runtime(), records=data, prompts=sets)
    hits = {(hit.record_id, f"{hit.prompts}|{hit.prompt_id}") for hit in jsonl.read(folder / "out" / HITS, Hit)}
    return [name for name in planted if ("|".join(name),) * 2 not in hits]


def keeping(records: ConversationSet) -> ConversationSet:
    """Return the set with one record more, so that one is left."""
    with (records.path / "records.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(Conversation("more", (Message("user", "你好"),), "x")) + b"\n")
    return ConversationSet(records.path)
