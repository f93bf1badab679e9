"""Every row of the real samples in `../shared/data` that could be trained on, as a document of all its texts."""

import json
from collections.abc import Iterator
from pathlib import Path

from zhiyin.records.conversation import Document

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TRAINING = (
    *("alpaca_zh_mit", "chinese_poetry", "classical_modern", "codealpaca_2k", "gemmalm_chinese_valid", "huatuo_med"),
    *("llamafactory_demo", "modern_poetry_public_domain", "smilechat"),
)
"""Folders of training data; the rest are benchmarks and tokenizers. Of gsm8k, `train_sample_1000.jsonl` is one more."""


def training_rows() -> Iterator[Document]:
    """Yield the rows, by folder and file; ids are `folder/file:number`."""
    files = [file for folder in TRAINING for file in sorted((SHARED / folder).rglob("*"))]
    for file in [*files, SHARED / "gsm8k" / "train_sample_1000.jsonl"]:
        if file.is_file() and file.name not in ("SOURCE.md", "dataset_info.json", "source.txt", "target.txt"):
            name = str(file.relative_to(SHARED))
            for number, text in enumerate(rows(file), start=1):
                yield Document(f"{name}:{number}", text, name.partition("/")[0])


def rows(file: Path) -> Iterator[str]:
    """Yield the texts of each row of one file."""
    whole = file.read_text(encoding="utf-8")
    if file.name == "bitext.txt":  # 古文 and 现代文, a line each
        lines = [line for line in whole.split("\n") if line]
        yield from ("\n".join(lines[start : start + 2]) for start in range(0, len(lines), 2))
        return
    if file.suffix not in (".json", ".jsonl"):
        yield whole
        return
    try:
        value = json.loads(whole)
    except json.JSONDecodeError:
        value = [json.loads(line) for line in whole.split("\n") if line.strip()]
    dialogue = file.parent.parent.name == "smilechat"
    for row in [value] if dialogue or not isinstance(value, list) else value:
        yield "\n".join(strings(row))


def strings(value: object) -> Iterator[str]:
    """Yield every text inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from strings(one)
