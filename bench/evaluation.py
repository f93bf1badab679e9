"""Exams beside their peers: the same questions of CMMLU on the same model; answers, log-probabilities, processor time.

    make bench-env                                                            # lm-eval, in an environment of its own
    .venv/bin/python bench/evaluation.py --model gemma_8k --shots 5           # beside lm-eval
    .venv/bin/python bench/evaluation.py --model llama_8k --shots 0 --rival opencompass --questions 40
    .venv/bin/python bench/evaluation.py --model llama_8k --shots 5 --questions 1000 --turns 1

Each side is a process of its own on one thread; ours and the rival's alternate. lm-eval runs its own task files on the
CSVs of the disk; `opencompass` and `llamafactory` are loops that we wrote after theirs. Seconds are processor seconds
from prompts as text to answers, with the model and the tasks loaded. Models have random weights in the shapes of
`sides/texts.py`, whose output layer has the share of the work that a 9B's has; Gemma-2's window is shorter than five
worked examples. Answers and log-probabilities are compared before any time is told. The last three lines are
`differing`, answers that differ; `max_logprob_diff`, the largest difference between the log-probabilities of a letter;
and `ratio`, the rival's seconds over ours, the median over the turns. It ends with an error where the answers differ.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.sides import exam as exams  # noqa: E402 (found through the line above)
from bench.sides import texts  # noqa: E402
from bench.sides.exam import Exam, Report  # noqa: E402

MODELS = ("gemma_8k", "llama_8k")
SHOTS = (0, 5)
RIVALS = {"lm-eval": "lm_eval", "opencompass": "loops", "llamafactory": "loops"}
"""By name: the module of the side."""
TOLERANCE = 1e-5
TURNS = 3


@dataclass(frozen=True)
class Fewest:
    """What the questions need at least."""

    prompts: int
    """Tokens of all prompts."""
    shared: int
    """Tokens without any padding, the beginning that the questions of a subject have in common once."""


def main() -> None:
    """Run one comparison, or every model and number of shots beside each rival."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", choices=MODELS, help="both when not named")
    parser.add_argument("--shots", type=int, choices=SHOTS, help="both when not named")
    parser.add_argument("--rival", choices=RIVALS, help="lm-eval; all of them when no model is named either")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--batch", type=int, default=Exam.batch, help="questions that lm-eval runs together")
    chosen = parser.parse_args()
    cmmlu = texts.DATA / "cmmlu"
    if not cmmlu.is_dir():
        print(f"{cmmlu} is not there: this bench asks the questions of CMMLU that lie in it")
        raise SystemExit(2)
    rivals = [chosen.rival] if chosen.rival else ["lm-eval"] if chosen.model else list(RIVALS)
    cases = [
        (rival, shape, shots)
        for rival in rivals
        for shape in ([chosen.model] if chosen.model else MODELS)
        for shots in (SHOTS if chosen.shots is None else [chosen.shots])
    ]
    with tempfile.TemporaryDirectory() as folder:
        differing = sum(compare(*case, cmmlu, Path(folder), chosen) for case in cases)
    if differing:
        raise SystemExit(1)


def compare(rival: str, shape: str, shots: int, cmmlu: Path, folder: Path, chosen: argparse.Namespace) -> int:
    """Print one comparison and return how many answers differ."""
    from zhiyin.evaluation.subjects import CMMLU

    names = {subject.name: subject.chinese for subject in CMMLU}
    asked = list(exams.questions(cmmlu, names, shots, chosen.questions))
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in asked), encoding="utf-8")
    where = exams.model(shape)
    exam = Exam("", str(where), str(cmmlu), shots, str(file), batch=chosen.batch)
    least = fewest(where, asked)
    subjects = len({one.subject for one in asked})
    print(f"== {shape}, {shots} shots, {len(asked)} questions of {subjects} subjects, beside {rival}")
    turns: list[dict[str, Report]] = []
    for turn in range(chosen.turns):
        order = ("ours", rival) if turn % 2 == 0 else (rival, "ours")
        turns.append({side: measure(replace(exam, side=side), folder) for side in order})
        seconds = ", ".join(f"{side} {turns[-1][side].cpu_seconds:.2f} s" for side in ("ours", rival))
        print(f"turn {turn + 1}: {seconds}", flush=True)
    ours, theirs = turns[0]["ours"], turns[0][rival]
    for side, report in (("ours", ours), (rival, theirs)):
        print(f"{side}: {told(report)}")
    print(
        f"tokens forwarded: ours {ours.tokens}, {rival} {theirs.tokens}; prompts {least.prompts}, without padding and "
        f"with shared beginnings {least.shared}: ours {ours.tokens / least.shared - 1:+.1%}"
    )
    print(f"smallest margin between two answers {margin(ours.scores):.1e}")
    print(f"parameters alone: ratio {operations(theirs, shape) / operations(ours, shape):.2f}")
    differing = sum(a != b for one in turns for a, b in zip(one["ours"].chosen, one[rival].chosen, strict=True))
    off = max(difference(one["ours"].scores, one[rival].scores, rival == "llamafactory") for one in turns)
    print(f"differing {differing}")
    print(f"max_logprob_diff {off:.1e}")
    print(f"ratio {median(one[rival].cpu_seconds / one['ours'].cpu_seconds for one in turns):.2f}", flush=True)
    return differing + (off > TOLERANCE)


def measure(exam: Exam, folder: Path) -> Report:
    """Let one side sit the exam in a process of its own environment."""
    where = folder / "exam.json"
    where.write_text(json.dumps(asdict(exam)), encoding="utf-8")
    python = ROOT / ".venv-bench" / "lm-eval" / "bin" / "python" if exam.side == "lm-eval" else Path(sys.executable)
    if not python.exists():
        raise SystemExit(f"{python} is not there: make bench-env")
    paths = [*filter(None, [os.environ.get("PYTHONPATH") if exam.side == "ours" else ""]), str(ROOT)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "TOKENIZERS_PARALLELISM": "false",
    }
    module = f"bench.sides.{RIVALS.get(exam.side, 'exam_ours')}"
    done = subprocess.run(
        [python, "-m", module, str(where)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{exam.side} failed:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}")
    return Report(**json.loads(where.with_suffix(".report").read_text(encoding="utf-8")))


def fewest(model: Path, asked: Sequence[exams.Question]) -> Fewest:
    """Count the tokens of the prompts, and those left when each subject's common beginning is there once."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    subjects: dict[str, set[tuple[int, ...]]] = {}
    prompts = 0
    for one, encoding in zip(asked, tokenizer.encode_batch([one.text for one in asked]), strict=True):
        prompts += len(encoding.ids)
        subjects.setdefault(one.subject, set()).add(tuple(encoding.ids))
    shared = 0
    for rows in subjects.values():
        columns = zip(*rows, strict=False)
        alike = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns)) if len(rows) > 1 else 0
        alike = min(alike, min(map(len, rows)) - 1)
        shared += alike + sum(len(row) - alike for row in rows)
    return Fewest(prompts, shared)


def operations(report: Report, shape: str) -> int:
    """Return the products of tokens with weights of the layers, and of positions with the output layer."""
    _, fields = texts.SHAPES[shape]
    hidden, size = fields["hidden_size"], fields["head_dim"]
    attention = 2 * hidden * size * (fields["num_attention_heads"] + fields["num_key_value_heads"])
    layers = fields["num_hidden_layers"] * (attention + 3 * hidden * fields["intermediate_size"])
    return int(report.tokens * layers + report.positions * hidden * fields["vocab_size"])


def difference(ours: list[list[float]], theirs: list[list[float]], among_letters: bool) -> float:
    """Return the largest difference of a letter's log-probability; `among_letters` where theirs sum to 1 over four."""
    worst = 0.0
    for a, b in zip(ours, theirs, strict=True):
        total = math.log(sum(map(math.exp, a))) if among_letters else 0.0
        worst = max(worst, *(abs(one - total - other) for one, other in zip(a, b, strict=True)))
    return worst


def margin(scores: list[list[float]]) -> float:
    """Return the smallest distance between the best two answers of a question."""
    return min(best - second for second, best in (sorted(each)[-2:] for each in scores))


def told(report: Report) -> str:
    """Return flags and versions of a side."""
    return f"{report.flags} [{' '.join(f'{name} {version}' for name, version in report.versions.items())}]"


if __name__ == "__main__":
    main()
