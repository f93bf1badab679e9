"""What is trained on: real Chinese instruction and preference data as token ids, and models of a given shape.

Everything is drawn with fixed seeds and kept below `bench/.cache/`, so every side and every turn reads the same files.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.sides.job import MAX_LENGTH, Row

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "bench" / ".cache"
DATA = ROOT.parent / "shared" / "data"
VOCABULARY = 8192
LEAST_PROMPT = 16

SHAPE: dict[str, Any] = {
    "hidden_size": 512,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "max_position_embeddings": 8192,
}
GEMMA: dict[str, Any] = {"intermediate_size": 2048, "query_pre_attn_scalar": 128, "sliding_window": 4096}
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "gemma_8k": ("Gemma2Config", {**SHAPE, **GEMMA, "vocab_size": VOCABULARY}),
    "gemma_256k": ("Gemma2Config", {**SHAPE, **GEMMA, "vocab_size": 256000}),
    "llama_8k": (
        "LlamaConfig",
        {
            **SHAPE,
            "intermediate_size": 1792,
            "vocab_size": VOCABULARY,
            "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
        },
    ),
}
"""By name: class and fields of the configuration. The head has the share of the 8k shapes' work that a 9B's has."""

Ids = list[int]


def tokenizer() -> Path:
    """Return the folder of a byte-level BPE of 8,192 tokens, trained on all texts by the project's own step."""
    from zhiyin.artifacts import TextSet
    from zhiyin.chat.templates import Template
    from zhiyin.execution.catalog import make
    from zhiyin.execution.runtime import Runtime
    from zhiyin.records.conversation import Document
    from zhiyin.training.tokenizer import Config
    from zhiyin.training.tokenizer import tokenizer as train

    def write(folder: Path) -> None:
        texts = [text for row in instructions() for text in row] + [text for row in preferences() for text in row]
        documents = (Document(str(at), text, "bench") for at, text in enumerate([*texts, *dialogues()]))
        with_texts = TextSet.write(folder, documents)
        config = Config(vocab_size=VOCABULARY, template=make(Template, "gemma2"))
        train(config, out=folder, runtime=Runtime(), texts={"all": with_texts})

    return _once(CACHE / "tokenizer", write)


def model(shape: str) -> Path:
    """Return the folder of a checkpoint of this shape with seeded random weights in float32, and the tokenizer."""

    def write(folder: Path) -> None:
        import torch
        import transformers

        name, fields = SHAPES[shape]
        letters = tokenizer()
        special = transformers.AutoTokenizer.from_pretrained(letters)
        ids = {f"{role}_token_id": getattr(special, f"{role}_token_id") for role in ("bos", "eos", "pad")}
        torch.manual_seed(0)
        config = getattr(transformers, name)(**fields, **ids)
        transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
        for file in letters.glob("*.json"):
            shutil.copyfile(file, folder / file.name)

    return _once(CACHE / shape, write)


def examples(kind: str) -> Path:
    """Return a file of `Row`s: `sft`, or pairs `real`, `1to1`, `3to1`, `1to4` (prompt : answer, in tokens)."""

    def write(folder: Path) -> None:
        make = {
            "sft": _sft,
            "real": _real,
            "1to1": _ratio(1, 1),
            "3to1": _ratio(3, 1),
            "1to4": _ratio(1, 4, longest=560),
        }[kind]
        rows = _spread(list(make(_Tokens(tokenizer()))))
        lines = (json.dumps(asdict(row)) for row in rows)
        (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    return _once(CACHE / f"rows-{kind}", write) / "rows.jsonl"


def instructions() -> list[tuple[str, str]]:
    """Return question and answer of every row of alpaca_zh_demo."""
    rows = json.loads((DATA / "llamafactory_demo" / "alpaca_zh_demo.json").read_text(encoding="utf-8"))
    return [("\n".join(filter(None, (row["instruction"], row["input"]))), row["output"]) for row in rows]


def preferences() -> list[tuple[str, str, str]]:
    """Return question, better and worse answer of the rows of dpo_zh_demo that ask once, without a system prompt."""
    rows = json.loads((DATA / "llamafactory_demo" / "dpo_zh_demo.json").read_text(encoding="utf-8"))
    return [
        (row["conversations"][0]["value"], row["chosen"]["value"], row["rejected"]["value"])
        for row in rows
        if len(row["conversations"]) == 1
    ]


def dialogues() -> list[str]:
    """Return the turns of each counselling dialogue as one text: what makes prompts longer."""
    files = sorted((DATA / "smilechat" / "data").glob("*.json"))
    return ["\n".join(turn["content"] for turn in json.loads(file.read_text(encoding="utf-8"))) for file in files]


class _Tokens:
    """Texts as token ids, in the form of the gemma2 template."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.head = self.ids("<bos><start_of_turn>user\n")
        self.tail = self.ids("<end_of_turn>\n<start_of_turn>model\n")
        self.stop = self.ids("<end_of_turn>")

    def ids(self, text: str) -> Ids:
        found: Ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def prompt(self, question: Ids, length: int | None = None, before: Ids = []) -> Ids:  # noqa: B006 (never changed)
        """Return a prompt; of the given length, if any, by cutting the front of `before` and the question."""
        if length is not None:
            question = [*before, *question][-max(1, length - len(self.head) - len(self.tail)) :]
        return [*self.head, *question, *self.tail]

    def answer(self, text: str) -> Ids:
        return [*self.ids(text.strip()), *self.stop]


def _sft(tokens: _Tokens) -> Iterator[Row]:
    for at, (question, answer) in enumerate(instructions()):
        row = Row(str(at), tokens.prompt(tokens.ids(question)), [tokens.answer(answer)])
        if len(row.prompt) + len(row.answers[0]) <= MAX_LENGTH:
            yield row


def _pairs(tokens: _Tokens) -> Iterator[tuple[str, Ids, Ids, list[Ids]]]:
    """Yield id, question, dialogue that can stand before it, and both answers, which differ."""
    talk = dialogues()
    for at, (question, *answers) in enumerate(preferences()):
        found = [tokens.answer(answer) for answer in answers]
        if found[0] != found[1] and min(map(len, found)) > 1:
            before = [id for text in (talk[at % len(talk)], talk[(at + 1) % len(talk)]) for id in tokens.ids(text)]
            yield str(at), tokens.ids(question), before, found


def _real(tokens: _Tokens) -> Iterator[Row]:
    for id, question, _, answers in _pairs(tokens):
        row = Row(id, tokens.prompt(question), answers)
        if len(row.prompt) + max(map(len, answers)) <= MAX_LENGTH:
            yield row


def _ratio(prompt: int, answer: int, longest: int = MAX_LENGTH) -> Callable[[_Tokens], Iterator[Row]]:
    """Return a maker of pairs with prompts in this proportion to the mean of both answers, which stay as they are."""

    def rows(tokens: _Tokens) -> Iterator[Row]:
        for id, question, before, answers in _pairs(tokens):
            length = prompt * sum(map(len, answers)) // (2 * answer)
            row = Row(id, tokens.prompt(question, length, before), answers)
            if length >= LEAST_PROMPT and length == len(row.prompt) and length + max(map(len, answers)) <= longest:
                yield row

    return rows


def _spread(rows: list[Row]) -> list[Row]:
    """Order rows so that any first few stand for all: by the van der Corput sequence over their rank by length.

    Neighbours then differ in length more than by chance, so the chosen ones are shuffled before they make batches.
    """
    ranked = sorted(rows, key=lambda row: len(row.prompt) + sum(map(len, row.answers)))
    bits = len(rows).bit_length()
    order = (int(f"{number:0{bits}b}"[::-1], 2) * len(rows) >> bits for number in range(1, 2**bits))
    return [ranked[at] for at in dict.fromkeys(order)]


def _once(folder: Path, write: Callable[[Path], None]) -> Path:
    """Return the folder, written first if it is not there; what is half written is written anew."""
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        partial.rename(folder)
    return folder
