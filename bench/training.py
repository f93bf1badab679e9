"""Training beside its peers: the same examples, model, adapter and optimiser; processor seconds and peak memory.

    make bench-env                                                           # the peers, each in its own environment
    .venv/bin/python bench/training.py --list
    .venv/bin/python bench/training.py --case sft-gemma_8k                   # beside TRL as it comes
    .venv/bin/python bench/training.py --case dpo-gemma_8k-real --rival trl-strongest --quick
    .venv/bin/python bench/training.py --case dpo-gemma_8k-3to1 --parts      # what each part of ours is worth

Each side is a process of its own; ours and the rival's alternate. Every side takes one more step than is timed: the
first, which warms up, is dropped. Seconds are processor seconds of all threads, from the end of the first step to the
end of the last, fetching of the batches in between included. Printed last is `ratio`, the rival's seconds over ours,
and before it `rss`, our peak memory over the rival's, nothing subtracted; both are medians over the turns. A quick run
has one turn. Before that stands what shows that the work is the same: supervised tokens, losses and gradient norms.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.sides import texts  # noqa: E402 (found through the line above)
from bench.sides.job import Job, Report, Row  # noqa: E402
from bench.sides.limit import limit  # noqa: E402

from zhiyin.execution.runtime import Runtime  # noqa: E402

RIVALS = ("trl", "trl-strongest", "llamafactory")
PYTHON = {"trl": "trl", "trl-strongest": "trl", "llamafactory": "llamafactory"}
LOSS_TOLERANCE = {"trl": 1e-4, "trl-strongest": 1e-4, "llamafactory": 1e-4}
NORM_TOLERANCE = 1e-3
"""Relative. The first loss of DPO is ln 2 whatever is computed; the norm of its gradient is not."""
TURNS = 3


@dataclass(frozen=True)
class Case:
    """One row: a task on a model's shape, and what it is trained on."""

    task: str
    shape: str
    rows: str
    batch: int
    timed: int
    """Examples, or pairs, of the timed steps."""
    quick: int
    """The same under `--quick`."""
    both_threads: bool = False
    """Also measured with two threads."""
    charged: bool = False
    """Our pass of the reference model over the timed pairs counts: one epoch from nothing."""

    def job(self, folder: Path, quick: bool) -> Job:
        """Return what every side is asked to do."""
        timed = self.quick if quick else self.timed
        steps = 1 + timed // self.batch
        lines = texts.examples(self.rows).read_text(encoding="utf-8").splitlines(keepends=True)[: steps * self.batch]
        random.Random(0).shuffle(lines)
        rows = folder / "rows.jsonl"
        rows.write_text("".join(lines), encoding="utf-8")
        return Job("", self.task, str(texts.model(self.shape)), self.shape, str(rows), self.batch, steps)


CASES = {
    "sft-gemma_8k": Case("sft", "gemma_8k", "sft", 8, 24, 8, both_threads=True),
    "sft-llama_8k": Case("sft", "llama_8k", "sft", 8, 24, 8),
    "sft-gemma_256k": Case("sft", "gemma_256k", "sft", 4, 24, 8),
    "dpo-gemma_8k-real": Case("dpo", "gemma_8k", "real", 4, 12, 4, both_threads=True),
    "dpo-gemma_8k-1to1": Case("dpo", "gemma_8k", "1to1", 4, 12, 4),
    "dpo-gemma_8k-3to1": Case("dpo", "gemma_8k", "3to1", 4, 12, 4),
    "dpo-gemma_8k-1to4": Case("dpo", "gemma_8k", "1to4", 4, 12, 4),
    "dpo-gemma_8k-epoch": Case("dpo", "gemma_8k", "real", 4, 12, 4, charged=True),
    "simpo-gemma_8k-real": Case("simpo", "gemma_8k", "real", 4, 12, 4),
    "simpo-gemma_8k-3to1": Case("simpo", "gemma_8k", "3to1", 4, 12, 4),
    "simpo-gemma_256k-3to1": Case("simpo", "gemma_256k", "3to1", 1, 4, 4),
}

PARTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("padded rows, all logits", {"packed": False, "head": "all"}),
    ("+ logits of the labels only", {"packed": False, "head": "labels"}),
    ("+ vocabulary streamed", {"packed": False}),
    ("+ packed rows, attention by segments", {"share": False}),
    ("+ beginnings in common shared", {}),
    ("+ micro-batches of 512 tokens", {"micro_batch_tokens": Job.micro_batch_tokens}),
)
"""What ours is made of, one part more in each row."""


def main() -> None:
    """Run one case, or all of them beside every rival."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--case", choices=CASES, help="all of them when not named")
    parser.add_argument(
        "--rival", choices=RIVALS, action="append", help="trl, as it comes, when not named; can be given again"
    )
    parser.add_argument("--quick", action="store_true", help="8 examples or 4 pairs, one turn")
    parser.add_argument("--parts", action="store_true", help="no rival: what each part of ours is worth")
    parser.add_argument("--threads", type=int, help="instead of 1 (and 2 where the case has both)")
    parser.add_argument("--micro-batch-tokens", type=int, default=Job.micro_batch_tokens, help="of our side")
    chosen = parser.parse_args()
    if chosen.list:
        print("\n".join(CASES))
        return
    if not texts.DATA.is_dir():
        print(f"{texts.DATA} is not there: these benches train on the Chinese texts that lie in it")
        raise SystemExit(2)
    for name in [chosen.case] if chosen.case else CASES:
        with tempfile.TemporaryDirectory() as folder:
            if chosen.parts:
                parts(name, Path(folder), chosen)
            else:
                compare(name, rivals(name, chosen), Path(folder), chosen)


def rivals(name: str, chosen: argparse.Namespace) -> tuple[str, ...]:
    """Return who a case is measured beside. TRL at its strongest computes the reference outside the timed steps."""
    charged = CASES[name].charged
    if charged and "trl-strongest" in (chosen.rival or ()):
        raise SystemExit(
            f"{name} charges the reference model's pass, which trl-strongest makes outside the timed steps"
        )
    if chosen.case:
        return tuple(chosen.rival or ("trl",))
    return tuple(rival for rival in RIVALS if not (charged and rival == "trl-strongest"))


def compare(name: str, peers: tuple[str, ...], folder: Path, chosen: argparse.Namespace) -> None:
    """Print one row, with two threads first where the case has both."""
    case = CASES[name]
    job = replace(case.job(folder, chosen.quick), micro_batch_tokens=chosen.micro_batch_tokens)
    both = case.both_threads and not chosen.quick
    for threads in [chosen.threads] if chosen.threads else [2, 1] if both else [1]:
        print(f"== {name}, threads {threads}, {job.batch * (job.steps - 1)} timed of {describe(job)}")
        turns: list[dict[str, Report]] = []
        for turn in range(1 if chosen.quick else TURNS):
            order = ("ours", *peers) if turn % 2 == 0 else (*peers[::-1], "ours")
            reports = {side: measure(replace(job, side=side, threads=threads), folder) for side in order}
            if case.charged:
                reports["ours"].cpu_seconds += reports["ours"].reference_seconds
            if turn == 0:
                print("\n".join(f"{side}: {told(reports[side])}" for side in ("ours", *peers)))
            for peer in peers:
                print(f"{peer}: {same_work(reports['ours'], reports[peer], LOSS_TOLERANCE[peer])}")
            print(
                f"turn {turn + 1}: " + "; ".join(figures(side, report) for side, report in reports.items()), flush=True
            )
            turns.append(reports)
        for peer in peers:
            most = limit(job, peer, case.charged)
            print(f"beside {peer}: {seconds_per_example(turns, peer, job)}; matrix products alone: ratio {most:.2f}")
            print(f"rss {median(turn['ours'].bytes_peak / turn[peer].bytes_peak for turn in turns):.2f}")
            print(f"ratio {median(turn[peer].cpu_seconds / turn['ours'].cpu_seconds for turn in turns):.2f}")


def seconds_per_example(turns: list[dict[str, Report]], peer: str, job: Job) -> str:
    """Return the median processor seconds of both for one example or pair."""
    timed = job.batch * (job.steps - 1)
    ours, theirs = (median(turn[side].cpu_seconds for turn in turns) / timed for side in ("ours", peer))
    return f"{ours:.3f} and {theirs:.3f} processor seconds an example"


def parts(name: str, folder: Path, chosen: argparse.Namespace) -> None:
    """Print our seconds and memory with one part more in each row."""
    job = replace(CASES[name].job(folder, chosen.quick), side="ours", threads=chosen.threads or 1)
    job = replace(job, micro_batch_tokens=Runtime().micro_batch_tokens)
    print(f"== {name}, {job.batch * (job.steps - 1)} timed of {describe(job)}")
    found: dict[str, list[Report]] = {}
    for _ in range(1 if chosen.quick else TURNS):
        for label, changes in PARTS:
            found.setdefault(label, []).append(measure(replace(job, **changes), folder))
    first: Report | None = None
    for label, reports in found.items():
        first = first or reports[0]
        same_work(reports[0], first, LOSS_TOLERANCE["trl"])
        seconds, peak = median(one.cpu_seconds for one in reports), median(one.bytes_peak for one in reports)
        print(f"{label}: {seconds:.2f} s, {peak / 1e9:.2f} GB")


def measure(job: Job, folder: Path) -> Report:
    """Let one side do the job in a process of its own environment."""
    where = folder / "job.json"
    where.write_text(json.dumps(asdict(job)), encoding="utf-8")
    python = ROOT / ".venv-bench" / PYTHON[job.side] / "bin" / "python" if job.side in PYTHON else Path(sys.executable)
    if not python.exists():
        raise SystemExit(f"{python} is not there: make bench-env")
    paths = [*filter(None, [os.environ.get("PYTHONPATH") if job.side == "ours" else ""]), str(ROOT)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": str(job.threads),
        "CUDA_VISIBLE_DEVICES": "",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if job.side == "ours":
        environment.setdefault("GOMP_SPINCOUNT", "10000")  # as `zhiyin` sets it: idle threads give the core back
    module = f"bench.sides.{'trl' if job.side.startswith('trl') else job.side}"
    done = subprocess.run(
        [python, "-m", module, str(where)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{job.side} failed:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}")
    return Report(**json.loads(where.with_suffix(".report").read_text(encoding="utf-8")))


def same_work(ours: Report, peer: Report, tolerance: float) -> str:
    """Return what shows that both did the same; raises `SystemExit` when they did not."""
    off = [abs(a - b) for a, b in zip(ours.losses, peer.losses, strict=True)]
    norm = abs(ours.grad_norms[0] / peer.grad_norms[0] - 1)
    shown = (
        f"supervised tokens {ours.supervised} and {peer.supervised}; first-step loss {ours.losses[0]:.6f} and "
        f"{peer.losses[0]:.6f}, gradient norm {ours.grad_norms[0]:.6f} and {peer.grad_norms[0]:.6f}; "
        f"losses differ by {off[0]:.1e} in the first step, {max(off):.1e} in any"
    )
    if ours.supervised != peer.supervised:
        raise SystemExit(f"the two did not learn from the same tokens: {shown}")
    if off[0] > tolerance or norm > NORM_TOLERANCE:
        raise SystemExit(f"the two did not compute the same first step: {shown}")
    return shown


def describe(job: Job) -> str:
    """Return how many tokens the examples have."""
    rows = job.rows()
    prompts, answers = (sum(found) / len(rows) for found in zip(*map(_lengths, rows), strict=True))
    each = answers / len(rows[0].answers)
    kind = "examples" if len(rows[0].answers) == 1 else "pairs"
    return f"{len(rows)} {kind} in steps of {job.batch}, prompt {prompts:.0f} and answer {each:.0f} tokens on average"


def _lengths(row: Row) -> tuple[int, int]:
    return len(row.prompt), sum(map(len, row.answers))


def told(report: Report) -> str:
    """Return flags and versions of a side."""
    return f"{report.flags} [{' '.join(f'{name} {version}' for name, version in report.versions.items())}]"


def figures(side: str, report: Report) -> str:
    """Return seconds and memory of a side."""
    reference = f" (reference {report.reference_seconds:.2f})" if report.reference_seconds else ""
    return (
        f"{side} {report.cpu_seconds:.2f} s{reference}, wall {report.wall_seconds:.2f}, peak "
        f"{report.bytes_peak / 1e9:.2f} GB ({report.bytes_before / 1e9:.2f} before the model)"
    )


if __name__ == "__main__":
    main()
