"""Records for the bench of tokenising, in our form and in LLaMA-Factory's, and what both sides are compared by."""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

MAX_LENGTH = 1024
Example = tuple[list[int], list[int]]
"""Token ids, and the same with -100 where the loss does not count."""


def records(corpus: Path, rows: int, folder: Path) -> Path:
    """Write the first distinct rows as our record set, `rows.json` and `dataset_info.json`; returns the folder."""
    from zhiyin.artifacts import ConversationSet
    from zhiyin.records.conversation import Conversation, Message

    folder.mkdir(parents=True, exist_ok=True)
    found = list(_distinct(corpus, rows))
    pairs = [(Message("user", row["instruction"]), Message("assistant", row["output"].strip())) for row in found]
    ConversationSet.write(
        folder / "records", (Conversation(str(number), turns, "bench") for number, turns in enumerate(pairs))
    )
    theirs = [{"instruction": user.content, "input": "", "output": answer.content} for user, answer in pairs]
    (folder / "rows.json").write_text(json.dumps(theirs, ensure_ascii=False), encoding="utf-8")
    (folder / "dataset_info.json").write_text(json.dumps({"rows": {"file_name": "rows.json"}}), encoding="utf-8")
    return folder


def _distinct(corpus: Path, rows: int) -> Iterator[dict[str, str]]:
    origins = Path(f"{corpus}.origins").read_text(encoding="utf-8").split()
    lines = (line for file in sorted(corpus.glob("*.jsonl")) for line in file.open(encoding="utf-8"))
    for origin, line in zip(origins, lines, strict=True):
        if origin[0] == "u" and rows > 0:
            row: dict[str, str] = json.loads(line)
            # The one trims what it renders, the other does not: so that both get the same text, it is trimmed here.
            yield {**row, "instruction": row["instruction"].strip()}
            rows -= 1


def tokenizer(cache: Path) -> Path:
    """Return the folder of a byte-level BPE of 8,192 tokens with Llama 3's control tokens, made by our own step."""
    from bench.sides import texts

    from zhiyin.artifacts import TextSet
    from zhiyin.chat.templates import Template
    from zhiyin.execution.catalog import make
    from zhiyin.execution.runtime import Runtime
    from zhiyin.records.conversation import Document
    from zhiyin.training.tokenizer import Config
    from zhiyin.training.tokenizer import tokenizer as train

    def write(folder: Path) -> None:
        documents = (Document(str(at), text, "bench") for at, pair in enumerate(texts.instructions()) for text in pair)
        every = TextSet.write(folder, documents)
        config = Config(vocab_size=texts.VOCABULARY, template=make(Template, "llama3"))
        train(config, out=folder, runtime=Runtime(), texts={"all": every})

    return texts._once(cache / "tokenizer-llama3", write)


def digest(examples: Iterable[list[int]]) -> str:
    """Return a hash of the supervised tokens of each example that does not tell their order.

    The prompts' tokens are no part of it: the one tokenises what stands between two control tokens at once, the other
    tokenises the header apart, and a byte-level tokenizer may cut its line breaks differently then.
    """
    whole = sorted(sha256(json.dumps(example).encode()).digest() for example in examples)
    return sha256(b"".join(whole)).hexdigest()


def apart(rows: Iterable[Example], begin: int) -> Iterator[Example]:
    """Yield the examples that lie end to end in packed rows; each begins with the token `begin`."""
    for ids, labels in rows:
        starts = [at for at, token in enumerate(ids) if token == begin]
        for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
            yield ids[start:stop], labels[start:stop]
