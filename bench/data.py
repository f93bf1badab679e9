"""Data beside its peers: rows read, tidied, deduplicated, decontaminated, mixed and written; rows per processor second.

    make bench-env                                                    # the peers, each in an environment of its own
    .venv/bin/python bench/data.py                                    # 100,000 rows beside both
    .venv/bin/python bench/data.py --rows 100000 --rival datasets
    .venv/bin/python bench/data.py --rows 1000000 --rival none        # our side alone
    .venv/bin/python bench/data.py --stage tokenise                   # token ids and packing, beside LLaMA-Factory

The rows are put together from real ones (`sides/data_corpus.py`), with copies, near copies, leaks and empty answers
planted. Each side is a process of its own; ours and the rival's alternate, and the disk's cache is warm for both.
Seconds are processor seconds of all processes of a side, from its start to its end; those of tokenising begin after the
imports. The peak is that of the memory of all its processes at one time (PSS, looked up five times a second).
`datasets` does what we do with our own kernels, so its rows must be the same ones in the same order, or the bench ends
with an error; what it costs more is the engine. datatrove has its own kernels, so what it kept is counted; it draws no
mix. The last three lines are `rows_per_cpu_s` and `peak_mb`, medians of our side, and `ratio`, the rival's seconds over
ours, the median over the turns.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.sides import data_corpus, data_tokens  # noqa: E402 (found through the line above)
from bench.sides.data_work import LABEL, Report, Work  # noqa: E402

CACHE = ROOT / "bench" / ".cache"
RIVALS = {"chain": ("datasets", "datatrove"), "tokenise": ("llamafactory",)}
MODULES = {
    "ours": "data_ours",
    "datasets": "data_datasets",
    "datatrove": "data_datatrove",
    "ours-tokenise": "data_ours_tokens",
    "llamafactory": "data_llamafactory",
}
OURS = {"chain": "ours", "tokenise": "ours-tokenise"}
SAME_ROWS = ("datasets", "llamafactory")
"""Rivals that must give the same rows, in order."""
WANTED = 0.7
"""Records in the mix, of the rows."""
EVERY = 0.2


@dataclass(frozen=True)
class Measured:
    """One side's work, measured from outside."""

    report: Report
    cpu_seconds: float
    wall_seconds: float
    bytes_peak: int

    def seconds(self, stage: str) -> float:
        """Return the processor seconds that count: of the chain all, of tokenising those without the imports."""
        stages = self.report.stages
        return self.cpu_seconds if stage == "chain" else sum(stages.get(name, 0.0) for name in ("tokenise", "pack"))


def main() -> None:
    """Run one comparison, or one with each rival of the stage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--stage", choices=RIVALS, default="chain")
    parser.add_argument("--rival", choices=[*RIVALS["chain"], *RIVALS["tokenise"], "none"], help="each when not named")
    parser.add_argument("--workers", type=int, default=1, help="processes of each side; more take more seconds in all")
    parser.add_argument("--turns", type=int, help="3 up to 100,000 rows, else 1")
    chosen = parser.parse_args()
    if not data_corpus.DATA.is_dir():
        print(f"{data_corpus.DATA} is not there: this bench makes its rows from those that lie in it")
        raise SystemExit(2)
    rivals = [chosen.rival] if chosen.rival else list(RIVALS[chosen.stage])
    adopt_orphans()
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        work = order(chosen.stage, chosen.rows, chosen.workers, Path(folder))
        turns = chosen.turns or (3 if chosen.rows <= 100_000 else 1)
        for rival in rivals:
            compare(work, chosen.stage, rival, turns, Path(folder))


def order(stage: str, rows: int, workers: int, folder: Path) -> Work:
    """Return what is asked of every side, with its files in place."""
    corpus = data_corpus.corpus(rows, CACHE)
    if stage == "chain":
        return Work("", str(corpus), str(prompts(folder / "prompts")), "", int(WANTED * rows), workers)
    records = data_tokens.records(corpus, rows, folder / "records")
    return Work("", str(records), str(data_tokens.tokenizer(CACHE)), "", 0, workers)


def compare(work: Work, stage: str, rival: str, turns: int, folder: Path) -> None:
    """Print one comparison; raises `SystemExit` where the rows had to be the same and are not."""
    ours = OURS[stage]
    print(f"== {stage} beside {rival}")
    found: list[dict[str, Measured]] = []
    for turn in range(turns):
        sides = [ours, rival] if turn % 2 == 0 else [rival, ours]
        made = {side: measure(replace(work, side=side), folder) for side in sides if side != "none"}
        for side, one in made.items():
            if not turn:
                print(f"{side}: {one.report.flags} {one.report.versions}{quality(work, one.report)}")
            print(f"turn {turn + 1}: {figures(side, one)}", flush=True)
        if not turn and rival != "none":
            print(same(rival, made[ours].report, made[rival].report), flush=True)
        found.append(made)
    rows = next(iter(found[0][ours].report.rows.values()))
    print(f"rows_per_cpu_s {rows / median(one[ours].seconds(stage) for one in found):.0f}")
    print(f"peak_mb {median(one[ours].bytes_peak for one in found) / 1e6:.0f}")
    if rival != "none":
        ratio = median(one[rival].seconds(stage) / one[ours].seconds(stage) for one in found)
        print(f"ratio {ratio:.2f}", flush=True)


def prompts(folder: Path) -> Path:
    """Write the test questions of CMMLU and GSM8K as two prompt sets."""
    from zhiyin.artifacts import PromptSet
    from zhiyin.records.conversation import Message
    from zhiyin.records.prompt import Prompt

    for name, questions in zip(("cmmlu", "gsm8k"), data_corpus.exam_questions(shortest=0), strict=True):
        PromptSet.write(
            folder / name,
            (
                Prompt(f"{name}/{number}", messages=(Message("user", question),), meta={"question": question})
                for number, question in enumerate(questions)
            ),
        )
    return folder


def measure(work: Work, folder: Path) -> Measured:
    """Let one side do the work in a process of its own environment."""
    out = folder / work.side
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    where = folder / f"{work.side}.json"
    where.write_text(json.dumps(asdict(replace(work, out=str(out)))), encoding="utf-8")
    home = ROOT / ".venv-bench" / work.side / "bin" / "python"
    python = Path(sys.executable) if work.side.startswith("ours") else home
    if not python.exists():
        raise SystemExit(f"{python} is not there: make bench-env")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HOME": str(out / "hub"),
        "HF_DATASETS_CACHE": str(out / "hub"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or our side alone would compile its modules at every start
    before, began = children_seconds(), time.perf_counter()
    command = [str(python), "-m", f"bench.sides.{MODULES[work.side]}", str(where)]
    with (out / "log").open("w") as log, Watch() as watch:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log, check=False)
        reap()
    if done.returncode:
        raise SystemExit(f"{work.side} failed:\n{(out / 'log').read_text(errors='replace')[-6000:]}")
    report = Report(**json.loads(where.with_suffix(".report").read_text(encoding="utf-8")))
    return Measured(report, children_seconds() - before, time.perf_counter() - began, watch.peak)


class Watch:
    """Looks up the memory of all processes below this one, in a thread; used as a context."""

    def __init__(self) -> None:
        self.peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            self.peak = max(self.peak, sum(map(proportional_bytes, descendants(os.getpid()))))


def descendants(root: int) -> Iterator[int]:
    """Yield the processes below this one."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):  # it has ended meanwhile
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    waiting = parents.get(root, [])
    for one in waiting:
        yield one
        waiting += parents.get(one, [])


def proportional_bytes(process: int) -> int:
    """Return the memory of a process, of what it shares its share; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def adopt_orphans() -> None:
    """Have processes whose parent ended become children of this one, so that their seconds are counted."""
    import ctypes

    subreaper = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
    ctypes.CDLL(None).prctl(subreaper, 1, 0, 0, 0)


def reap() -> None:
    """Wait for every child that is left."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return


def children_seconds() -> float:
    """Return the processor seconds of all children that ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def same(rival: str, ours: Report, theirs: Report) -> str:
    """Return what shows that both made the same rows; raises `SystemExit` when they had to and did not."""
    first, second = (one.same or digest(one) for one in (ours, theirs))
    if first == second:
        return f"the same supervised tokens: {first[:16]}" if ours.same else f"the same rows, in order: {first[:16]}"
    if rival in SAME_ROWS:
        raise SystemExit(f"other rows: ours {first[:16]}, {ours.rows}; {rival} {second[:16]}, {theirs.rows}")
    mine, other = set(before_mix(ours)), set(before_mix(theirs))
    return (
        f"{len(mine & other) / len(mine | other):.1%} of the records that either kept before the mix were kept by both"
    )


def digest(report: Report) -> str:
    """Return a hash of the table's rows in order."""
    import polars

    whole = sha256()
    for part in polars.scan_parquet(report.table).collect_batches(chunk_size=10_000):
        for row in part.to_dicts():
            row.pop("meta", None)  # columns that only our table has
            whole.update(json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return whole.hexdigest()


def before_mix(report: Report) -> list[str]:
    """Return the ids of the records that the mix is drawn from."""
    if report.before_mix:
        with Path(report.before_mix).open(encoding="utf-8") as lines:
            return [json.loads(line)["id"] for line in lines]
    import polars

    ids: list[str] = polars.read_parquet(report.table, columns=["id"])["id"].to_list()
    return ids


def quality(work: Work, report: Report) -> str:
    """Return how many rows of each sort are left before the mix."""
    if not report.table:
        return ""
    origins = dict(zip(_ids(Path(work.corpus)), Path(work.corpus + ".origins").read_text().split(), strict=True))
    kept = [origins[one] for one in before_mix(report)]
    groups = {origin[1:] for origin in kept if origin[0] in "uen"}
    copies = sum(origin[0] in "uen" for origin in kept) - len(groups)
    counts = Counter(origin[0] for origin in origins.values())
    return (
        f"; {len(kept)} rows before the mix, {len(groups)} of {counts['u']} groups, {copies} surplus copies of "
        f"{counts['e']} exact and {counts['n']} near ones, {kept.count('c')} of {counts['c']} leaks left, "
        f"{kept.count('b')} empty"
    )


def _ids(corpus: Path) -> Iterator[str]:
    for file in sorted(corpus.glob("*.jsonl")):
        with file.open("rb") as lines:
            for number, _ in enumerate(lines, start=1):
                yield f"{LABEL}/{file.name}:{number}"


def figures(side: str, one: Measured) -> str:
    """Return seconds, memory and stages of a side."""
    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in one.report.stages.items() if name != "wall")
    rows = f"; rows {one.report.rows}" if one.report.rows else ""
    return (
        f"{side} {one.cpu_seconds:.2f} s, wall {one.wall_seconds:.1f}, peak {one.bytes_peak / 1e6:.0f} MB "
        f"({stages}){rows}"
    )


if __name__ == "__main__":
    main()
