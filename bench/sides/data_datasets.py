"""HF datasets' side: batched maps in as many processes, with our own kernels inside them.

A stage leaves what our step leaves: its records, and those that it rejected. Only what it makes is a column of its map,
so texts are copied no more often than they change; the reduction of hashes to groups, the ranks and the index of the
questions are the very functions that our steps call.
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.sides import data_work
from bench.sides.data_work import LABEL, LONGEST, SEED, SHORTEST, Report, Work

Batch = dict[str, list[Any]]
AT_ONCE = 256
"""Texts that the kernels take together, as in our steps."""


def side(work: Work, report: Report) -> None:
    """Load, make records, deduplicate, decontaminate, mix, and write a table."""
    import datasets

    datasets.disable_caching()
    datasets.logging.set_verbosity_error()
    report.versions = data_work.versions("datasets", "pyarrow", "numpy", "xxhash")
    report.flags = f"num_proc={work.workers} batch_size=1000"
    out = Path(work.out)
    files = sorted(map(str, Path(work.corpus).glob("*.jsonl")))
    with report.stage("load"):
        found = datasets.load_dataset("json", data_files=files, split="train", num_proc=_processes(work))
    report.rows["read"] = len(found)
    with report.stage("records"):
        found = _mapped(work, found, Records(files), with_indices=True, remove_columns=found.column_names)
        found = _sound(found, out / "rejected.jsonl")
    report.rows["records"] = len(found)
    with report.stage("clean"):
        found = _sound(_mapped(work, found, tidied), out / "unclean.jsonl")
    report.rows["clean"] = len(found)
    with report.stage("deduplicate"):
        found = _deduplicated(work, found, out)
    report.rows["deduplicate"] = len(found)
    with report.stage("decontaminate"):
        found = _decontaminated(work, found, out)
    report.rows["decontaminate"] = len(found)
    report.before_mix = str(out / "before_mix")
    found.select_columns("id").to_json(report.before_mix)
    with report.stage("mix"):
        found = found.select(_drawn(found["id"], work.wanted)).remove_columns(["text", "fault"])
    report.rows["mix"] = len(found)
    with report.stage("parquet"):
        found.to_parquet(out / "table.parquet")
    report.table = str(out / "table.parquet")


def _processes(work: Work) -> int | None:
    return work.workers if work.workers > 1 else None


def _mapped(work: Work, found: Any, function: Any, **settings: Any) -> Any:
    return found.map(function, batched=True, num_proc=_processes(work), **settings)


def _sound(found: Any, rejected: Path) -> Any:
    """Keep the records without a fault, and write the others."""
    import numpy as np

    faults = np.array(found["fault"][:]) != ""
    found.select(np.flatnonzero(faults)).to_json(rejected, force_ascii=False)
    return found.select(np.flatnonzero(~faults))


class Records:
    """Makes records of rows; one that is none gets a fault."""

    def __init__(self, files: list[str]) -> None:
        self.names = [Path(file).name for file in files]
        counts = [Path(file).read_bytes().count(b"\n") for file in files]
        self.starts = [0, *itertools.accumulate(counts)]

    def __call__(self, rows: Batch, numbers: list[int]) -> Batch:
        """Return the columns of the records."""
        made: Batch = {name: [] for name in ("id", "messages", "source", "kind", "fault")}
        for number, instruction, addition, output in zip(
            numbers, rows["instruction"], rows["input"], rows["output"], strict=True
        ):
            file = bisect_right(self.starts, number) - 1
            turns = (("user", _question(instruction, addition)), ("assistant", output or ""))
            made["id"].append(f"{LABEL}/{self.names[file]}:{number - self.starts[file] + 1}")
            made["messages"].append([{"role": role, "content": content} for role, content in turns])
            made["source"].append(LABEL)
            made["kind"].append("")
            made["fault"].append("" if all(content.strip() for _, content in turns) else "an empty turn")
        return made


def _question(instruction: str | None, addition: str | None) -> str:
    return "\n".join(part for part in (instruction, addition) if part and part.strip())


def tidied(rows: Batch) -> Batch:
    """Return the turns with one form of white space, and the text that they make."""
    from zhiyin.text.whitespace import tidy

    made: Batch = {name: [] for name in ("messages", "text", "fault")}
    for turns in rows["messages"]:
        contents = [tidy(turn["content"]) for turn in turns]
        made["messages"].append([{**turn, "content": text} for turn, text in zip(turns, contents, strict=True)])
        made["text"].append("\n".join(contents))
        made["fault"].append("" if SHORTEST <= sum(map(len, contents)) <= LONGEST else "length")
    return made


def signed(rows: Batch) -> Batch:
    """Return the digest and the band keys of each text."""
    import numpy as np
    import xxhash

    from zhiyin.data.kernels.minhash import band_keys, signatures
    from zhiyin.data.kernels.shingles import shingles
    from zhiyin.data.kernels.squeeze import squeeze

    digests, bands = list[bytes](), []
    for texts in _some(rows["text"]):
        keys = squeeze(texts, "signs")
        bounds = keys.starts.tolist()
        for text, start, stop in zip(texts, bounds, bounds[1:], strict=False):
            digests.append(xxhash.xxh3_128_digest(keys.codes[start:stop].data if start < stop else text.encode()))
        bands.append(band_keys(signatures(shingles(keys))))
    return {"digest": digests, "bands": [row.tobytes() for row in np.concatenate(bands)]}


def _some(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), AT_ONCE):
        yield texts[start : start + AT_ONCE]


def _deduplicated(work: Work, found: Any, out: Path) -> Any:
    """Keep the first of every group, as `likeness.origins` tells it."""
    import numpy as np

    from zhiyin.data.kernels.shingles import Shingles, distinct, shingles
    from zhiyin.data.kernels.squeeze import squeeze
    from zhiyin.data.likeness import _first, _groups

    marks = _mapped(work, found, signed, remove_columns=found.column_names).with_format("arrow")
    table = marks[:]
    digests = np.frombuffer(b"".join(table["digest"].to_pylist()), np.uint64).reshape(-1, 2)
    bands = np.frombuffer(b"".join(table["bands"].to_pylist()), np.uint64).reshape(len(found), -1)
    first = _first(digests)
    own = np.flatnonzero(first == np.arange(first.size))

    def fetch(rows: Any) -> Shingles:
        texts = found.select(own[rows]).with_format(None)["text"][:]
        sets = [distinct(shingles(squeeze(some, "signs"))) for some in _some(texts)]
        counts = np.concatenate([np.zeros(1, np.int64), *(each.counts for each in sets)])
        return Shingles(np.concatenate([np.zeros(0, np.uint32), *(each.hashes for each in sets)]), np.cumsum(counts))

    groups = _groups(np.ascontiguousarray(bands[own].T), 0.7, fetch)
    kept = own[groups == np.arange(own.size)]
    found.select(np.setdiff1d(np.arange(first.size), kept)).to_json(out / "duplicates.jsonl", force_ascii=False)
    return found.select(kept)


class Quotes:
    """Tells which texts quote a question, with the search of our own step."""

    def __init__(self, prompts: str) -> None:
        self.folders = tuple((folder.name, folder) for folder in sorted(Path(prompts).iterdir()))

    def __call__(self, rows: Batch) -> Batch:
        """Return a flag for each text."""
        from zhiyin.data.quotations import hits, protected
        from zhiyin.records.conversation import Document

        questions, flags = protected(self.folders), list[bool]()
        for some in _some(rows["text"]):
            found = {place for place, _ in hits(questions, [Document("", text, "") for text in some])}
            flags += [place in found for place in range(len(some))]
        return {"quotes": flags}


def _decontaminated(work: Work, found: Any, out: Path) -> Any:
    """Keep the rows that quote no question."""
    quotes = Quotes(work.prompts)
    flags = _mapped(work, found, quotes, remove_columns=found.column_names)["quotes"][:]
    found.select([row for row, flag in enumerate(flags) if flag]).to_json(out / "leaks.jsonl", force_ascii=False)
    return found.select([row for row, flag in enumerate(flags) if not flag])


def _drawn(ids: Any, wanted: int) -> Any:
    """Return the rows of the mix in its order: the lowest ranks, as our `mix` ranks one source of this name."""
    import numpy as np
    import xxhash

    from zhiyin.data.sampling import ranks

    keys = np.fromiter((xxhash.xxh3_64_intdigest(one.encode()) for one in ids), np.uint64)
    whole = int(keys.sum(dtype=np.uint64))
    chosen = np.argsort(ranks(SEED, f"mix/{LABEL}/{whole}", keys), kind="stable")[:wanted]
    order = np.argsort(ranks(SEED, f"order/{LABEL}/{whole}", keys)[chosen], kind="stable")
    return chosen[order]


if __name__ == "__main__":
    data_work.run(side)
