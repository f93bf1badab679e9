"""The `llamafactory` protocol beside the tool's own evaluator: the same token ids for every question."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import make_benchmark
from tests.evaluation.protocols.real_tokenizer import DATA, GEMMA, LLAMA, RANKS, tokenizer

from zhiyin.chat.template import load_encoder, write_tokenizer
from zhiyin.chat.templates.gemma2 import Gemma2
from zhiyin.chat.templates.llama3 import Llama3
from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.protocols import llamafactory
from zhiyin.evaluation.subjects import CEVAL, CMMLU, MMLU
from zhiyin.inference.encoding import continuation, question_ids
from zhiyin.records.prompt import Prompt

PYTHON = Path(__file__).parents[3] / ".venv-bench" / "llamafactory" / "bin" / "python"
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PYTHON.is_file(), reason="LLaMA-Factory is not there: make bench-env"),
    pytest.mark.skipif(not RANKS.is_file(), reason=f"needs {RANKS} and the exams beside it"),
]

TABLES = {"cmmlu": CMMLU, "ceval": CEVAL, "mmlu": MMLU}


@dataclass(frozen=True)
class Case:
    exam: str
    template: str
    shots: int
    subjects: int
    """How many subjects the tool runs, from its first one on."""
    ours: tuple[str, ...] = ()
    """Those of them that we ask; all when empty."""

    @property
    def name(self) -> str:
        return f"{self.exam}-{self.template}-{self.shots}"

    @property
    def folder(self) -> Path:
        return DATA / ("mmlu/hendrycks_layout" if self.exam == "mmlu" else self.exam)

    @property
    def split(self) -> str:
        return "val" if self.exam == "ceval" else "test"

    def run(self) -> list[str]:
        return llamafactory.order(self.exam, [one.name for one in TABLES[self.exam]])[: self.subjects]


CASES = [
    Case("ceval", "llama3", 0, 10),
    Case("ceval", "llama3", 5, 52),
    Case("ceval", "gemma", 0, 10),
    Case("ceval", "gemma", 5, 10),
    Case("ceval", "fewshot", 0, 10),
    Case("ceval", "fewshot", 5, 20),
    Case("cmmlu", "llama3", 5, 21, ours=("agronomy", "clinical_knowledge", "college_medicine")),
    Case("mmlu", "llama3", 5, 57),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the real Llama-3 merges twice: with the control tokens of Llama 3, and with those of Gemma."""
    folders = {}
    for template, named in ((Llama3(), LLAMA), (Gemma2(), GEMMA)):
        folders[template.name] = tmp_path_factory.mktemp(template.name)
        write_tokenizer(tokenizer(named), template, folders[template.name])
    return {"llama3": folders["llama3"], "gemma": folders["gemma2"], "fewshot": folders["llama3"]}


@pytest.fixture(scope="module")
def theirs(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Let the tool's own evaluator run every case in its own interpreter."""
    folder = tmp_path_factory.mktemp("llamafactory")
    names = {exam: {one.name: one.chinese for one in table} for exam, table in TABLES.items()}
    cases = {
        case.name: {
            "exam": case.exam,
            "folder": str(case.folder),
            "split": case.split,
            "subjects": [(name, names[case.exam][name]) for name in case.run()],
            "tokenizer": str(models[case.template]),
            "template": case.template,
            "lang": "en" if case.exam == "mmlu" else "zh",
            "shots": case.shots,
        }
        for case in CASES
    }
    job = folder / "job.json"
    job.write_text(json.dumps({"cases": cases, "out": str(folder / "ids.json")}), encoding="utf-8")
    script = Path(__file__).with_name("llamafactory_eval.py")
    done = subprocess.run([PYTHON, script, job], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
    return found


def stripped(prompt: Prompt) -> bool:
    """Tell whether our template, which strips every turn, keeps this one, and pandas reads it as it stands."""
    contents = [message.content for message in prompt.messages]
    none = any(line.endswith(". None") for content in contents for line in content.splitlines())
    return not none and all(content == content.strip() for content in contents)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_token_ids_are_the_tools_own(case: Case, models: dict[str, Path], theirs: dict[str, Any]) -> None:
    ours = list(case.ours or case.run())
    settings = {"protocol": "llamafactory", "chat": case.template != "fewshot", "shots": case.shots, "subjects": ours}
    benchmark = make_benchmark({"name": case.exam, "folder": str(case.folder), "split": case.split, **settings})
    encoder = load_encoder(models[case.template])
    asked: dict[str, list[Prompt]] = {}
    for prompt in benchmark.prompts(None):
        asked.setdefault(prompt.group, []).append(prompt)
    wanted = theirs[case.name]
    same = 0
    for subject in ours:
        assert len(asked[subject]) == len(wanted["ids"][subject])
        first = [continuation(asked[subject][0], choice, encoder) for choice in LETTERS]
        assert [one.tokens for one in first] == [(id,) for id in wanted["letters"]]
        assert list(first[0].context) == list(question_ids(asked[subject][0], encoder))
        for prompt, ids in zip(asked[subject], wanted["ids"][subject], strict=True):
            if list(question_ids(prompt, encoder)) == ids:
                same += 1
            else:
                assert not stripped(prompt), prompt.id
    assert same == sum(map(len, asked.values())) - (86 if case.exam == "mmlu" else 0)
