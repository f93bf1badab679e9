"""datatrove's side: its readers, filters, MinHash and n-gram blocks on its local executor, two tasks at a time.

Its word tokenizers cut no Chinese without further packages, so characters stand for words: 5-grams for MinHash in 16
buckets of 8, 13-grams for decontamination. Its index builder wants lighteval's tasks, so the index of our questions is
written here with its own hashes, in its own format. It draws no mix. All that it can, it does in two passes over the
rows, without writing them in between.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.sides import data_work
from bench.sides.data_work import LABEL, LONGEST, SHORTEST, Report, Work

WINDOW = 13


def characters() -> Any:
    """Return a word tokenizer, of the sort that its steps take, whose words are characters other than blanks."""
    from datatrove.utils.word_tokenizers import WordTokenizer

    def cut(self: Any, text: str) -> list[str]:
        return [character for character in text if not character.isspace()]

    unasked = dict.fromkeys(("sent_tokenize", "span_tokenize"))
    return type("Characters", (WordTokenizer,), {"word_tokenize": cut, **unasked})()


def record(self: Any, row: dict[str, Any], path: str, number: int | str) -> dict[str, Any]:
    """Return a row as datatrove's document."""
    question = "\n".join(part for part in (row["instruction"], row.get("input") or "") if part.strip())
    return {
        "text": f"{question}\n{row['output']}",
        "id": f"{LABEL}/{path}:{int(number) + 1}",
        "metadata": {"question": question, "answer": row["output"]},
    }


def answered(document: Any) -> bool:
    """Tell whether no turn is empty."""
    return bool(document.metadata["question"].strip() and document.metadata["answer"].strip())


def long_enough(document: Any) -> bool:
    """Tell whether the length is within bounds."""
    return SHORTEST <= len(document.text) <= LONGEST


def tidied(documents: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
    """Give every text the one form of white space that our `clean` gives it."""
    from zhiyin.text.whitespace import tidy

    for document in documents:
        document.metadata = {name: tidy(document.metadata[name]) for name in ("question", "answer")}
        document.text = "\n".join(document.metadata.values())
        yield document


def as_row(self: Any, document: Any) -> dict[str, Any]:
    """Return a document as a row of the table."""
    turns = [("user", document.metadata["question"]), ("assistant", document.metadata["answer"])]
    messages = [{"role": role, "content": content} for role, content in turns]
    return {"id": document.id, "messages": messages, "source": LABEL, "kind": ""}


def side(work: Work, report: Report) -> None:
    """Read and sign, sort buckets, cluster, then read once more, filter and write."""
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.writers import ParquetWriter

    out = Path(work.out)
    settings = MinhashConfig(n_grams=5, num_buckets=16, hashes_per_bucket=8)
    files = len(list(Path(work.corpus).glob("*.jsonl")))
    report.flags = f"tasks={files} workers={work.workers} {settings}"
    report.versions = data_work.versions("datatrove", "numpy", "xxhash")
    signature = MinhashDedupSignature(str(out / "signatures"), config=settings, language=characters())
    with report.stage("read, clean, sign"):
        execute(work, [*_read(work), signature], files, "sign")
    with report.stage("buckets"):
        step = MinhashDedupBuckets(str(out / "signatures"), str(out / "buckets"), config=settings)
        execute(work, [step], settings.num_buckets, "buckets")
    with report.stage("cluster"):
        execute(work, [MinhashDedupCluster(str(out / "buckets"), str(out / "remove"), config=settings)], 1, "cluster")
    with report.stage("read, clean, filter, decontaminate, write"):
        steps = [
            MinhashDedupFilter(str(out / "remove"), exclusion_writer=_rejected(out / "duplicates")),
            _decontamination(work),
            ParquetWriter(str(out / "table"), compression="snappy", adapter=as_row),
        ]
        execute(work, [*_read(work), *steps], files, "filter")
    report.table = str(out / "table")


def execute(work: Work, steps: list[Any], tasks: int, name: str) -> None:
    """Run one pipeline; a task that failed ends it."""
    from datatrove.executor import LocalPipelineExecutor

    logs = str(Path(work.out) / "logs" / name)
    # Forked: nothing is imported again, and the seconds of the workers are counted with their parent's.
    LocalPipelineExecutor(steps, tasks=tasks, workers=work.workers, logging_dir=logs, start_method="fork").run()


def _read(work: Work) -> list[Any]:
    from datatrove.pipeline.filters import LambdaFilter
    from datatrove.pipeline.readers import JsonlReader

    return [
        JsonlReader(work.corpus, glob_pattern="*.jsonl", adapter=record),
        LambdaFilter(answered, exclusion_writer=_rejected(Path(work.out) / "empty")),
        tidied,
        LambdaFilter(long_enough, exclusion_writer=_rejected(Path(work.out) / "length")),
    ]


def _rejected(folder: Path) -> Any:
    from datatrove.pipeline.writers import JsonlWriter

    return JsonlWriter(str(folder), compression=None)


def _decontamination(work: Work) -> Any:
    """Return the filter, with an index of all runs of 13 characters of the questions."""
    import numpy as np
    from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.hashing import create_hash_func
    from datatrove.utils.text import ngrams, simplify_text

    settings = NGramsDecontConfig(n_grams=WINDOW)
    digest, cut, hashes = create_hash_func(settings.hash_config), characters().word_tokenize, set()
    for question in data_work.questions(work.prompts):
        hashes |= {digest(" ".join(run)) for run in ngrams(cut(simplify_text(question, settings.norm_config)), WINDOW)}
    index = Path(work.out) / "index"
    shutil.rmtree(index, ignore_errors=True)
    index.mkdir(parents=True)
    np.array(sorted(hashes), dtype=settings.hash_config.np_descr).tofile(index / "questions.index.hashes")
    leaks = _rejected(Path(work.out) / "leaks")
    return NGramsDecontFilter(str(index), config=settings, exclusion_writer=leaks, language=characters())


if __name__ == "__main__":
    data_work.run(side)
