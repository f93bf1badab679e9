"""The `harness` protocol beside lm-eval's own task files: the same context and the same four continuations."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import make_benchmark

PYTHON = Path(__file__).parents[3] / ".venv-bench" / "lm-eval" / "bin" / "python"
DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PYTHON.is_file(), reason="lm-eval is not there: make bench-env"),
    pytest.mark.skipif(not (DATA / "mmlu").is_dir(), reason=f"needs the exams in {DATA}"),
]

QUESTIONS = 20
SHOTS = (0, 2, 5)
EXAMS = {
    "cmmlu": ("cmmlu_{}", DATA / "cmmlu", "test", ("agronomy", "arts", "college_mathematics")),
    "ceval": ("ceval-valid_{}", DATA / "ceval", "val", ("law", "advanced_mathematics")),
    "mmlu": ("mmlu_{}", DATA / "mmlu" / "hendrycks_layout", "test", ("anatomy", "business_ethics")),
}
CASES = [(exam, subject) for exam, (_, _, _, subjects) in EXAMS.items() for subject in subjects]


def files(exam: str, subject: str) -> dict[str, str]:
    """Return the files of the asked split and of dev."""
    folder, split = EXAMS[exam][1:3]
    name = "{subject}.csv" if exam == "cmmlu" else "{subject}_{split}.csv"
    return {one: str(folder / one / name.format(subject=subject, split=one)) for one in (split, "dev")}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, str, str]]]:
    """Let lm-eval build its requests in its own interpreter."""
    folder = tmp_path_factory.mktemp("lm-eval")
    tasks = {EXAMS[exam][0].format(name): {"exam": exam, "files": files(exam, name)} for exam, name in CASES}
    job = {"tasks": tasks, "shots": SHOTS, "questions": QUESTIONS, "out": str(folder / "requests.json")}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    script = Path(__file__).with_name("lm_eval_requests.py")
    done = subprocess.run([PYTHON, script, folder / "job.json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads((folder / "requests.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("form", ["raw", "chat"])
@pytest.mark.parametrize("shots", SHOTS)
@pytest.mark.parametrize(("exam", "subject"), CASES)
def test_requests_are_lm_evals_own(
    exam: str, subject: str, shots: int, form: str, theirs: dict[str, list[tuple[int, str, str]]]
) -> None:
    task, folder, split, _ = EXAMS[exam]
    settings = {"subjects": [subject], "shots": shots, "limit_per_subject": QUESTIONS, "chat": form == "chat"}
    benchmark = make_benchmark({"name": exam, "protocol": "harness", "folder": str(folder), "split": split, **settings})
    prompts = list(benchmark.prompts(None))
    ours = []
    for number, prompt in enumerate(prompts):
        context = prompt.text or json.dumps([[message.role, message.content] for message in prompt.messages])
        ours += [[number, context, choice] for choice in prompt.choices]
    wanted = theirs[f"{task.format(subject)}-{shots}-{form}"]
    assert len(wanted) == 4 * len(prompts)
    assert sorted(ours) == sorted(map(list, wanted))
