"""Rows for the bench of data: sentences of real training rows put together anew, with copies, edits and leaks planted.

The samples on the disk hold 27,000 rows, and a million distinct ones are needed. So a row is the instruction of a real
row with three or more sentences drawn from all real rows of its family, at least twice as long as the instruction: two
rows share an instruction and here and there a sentence, but no two are near-duplicates by chance. Sentences that quote
a test question are left out; what is found of those was planted. Blocks of a million rows are drawn and shuffled each
by itself, so that memory does not grow with the number.
"""

import csv
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PARTS = 8
BLOCK = 1_000_000
EDIT_EVERY = 80
SPLIT = re.compile(r"(?<=[。！？；\n])|(?<=[.!?] )")
Pair = tuple[str, str]


@dataclass(frozen=True)
class Family:
    """What the rows of one kind of data are made of."""

    name: str
    instructions: list[str]
    sentences: list[str]
    lengths: tuple[int, int]
    """Characters of an answer, at least and at most."""


@dataclass(frozen=True)
class Planted:
    """One row, and what it is: `u` and a number, `e` and `n` with that of the row they copy, `c`, or `b`."""

    line: str
    origin: str


def corpus(rows: int, folder: Path, seed: int = 7) -> Path:
    """Write `PARTS` files of Alpaca rows, unless they are there; returns the folder. The origins lie beside it.

    80 % of the rows are distinct, 10 % exact copies, 10 % copies with an edit every 80 characters; one in 2,000 more
    (100 at least) holds a test question of CMMLU or GSM8K, and one in 1,000 more has no answer.
    """
    made = folder / f"corpus-{rows}"
    if made.is_dir():
        return made
    partial = folder / f"corpus-{rows}.partial"
    partial.mkdir(parents=True, exist_ok=True)
    questions = exam_questions()
    found = families(questions)
    total, written = rows + max(100, rows // 2000) + rows // 1000, 0
    files = [(partial / f"part-{number}.jsonl").open("w", encoding="utf-8") for number in range(PARTS)]
    with (folder / f"corpus-{rows}.origins").open("w", encoding="utf-8") as origins:
        for start in range(0, rows, BLOCK):
            draw = random.Random(f"{seed}/{start}")
            for row in block(draw, min(BLOCK, rows - start), start, found, questions):
                files[written * PARTS // total].write(row.line + "\n")
                origins.write(row.origin + "\n")
                written += 1
    for file in files:
        file.close()
    return partial.rename(made)


def block(
    draw: random.Random, rows: int, start: int, found: list[Family], questions: list[list[str]]
) -> Iterator[Planted]:
    """Yield the rows of one block in an order drawn at random."""
    distinct = [made(draw, found) for _ in range(rows - 2 * (rows // 10))]
    planted = [Planted(line(*pair), f"u{start + number}") for number, pair in enumerate(distinct)]
    for _ in range(rows // 10):
        number = draw.randrange(len(distinct))
        planted.append(Planted(planted[number].line, f"e{start + number}"))
        number = draw.randrange(len(distinct))
        instruction, output = distinct[number]
        planted.append(Planted(line(instruction, edited(draw, output)), f"n{start + number}"))
    for number in range(max(100 if not start else 0, rows // 2000)):
        # As long as any other row, and with words of its own, so that it is no near copy of another leak.
        words = made(draw, found)[1]
        planted.append(Planted(line(draw.choice(questions[number % 2]), words), "c"))
    for number in range(rows // 1000):
        planted.append(Planted(line(f"{draw.choice(found[0].instructions)} {number}", ""), "b"))
    draw.shuffle(planted)
    yield from planted


def line(instruction: str, output: str) -> str:
    """Return a row in Alpaca's form."""
    return json.dumps({"instruction": instruction, "input": "", "output": output}, ensure_ascii=False)


def made(draw: random.Random, found: list[Family]) -> Pair:
    """Return an instruction and an answer."""
    family = draw.choice(found)
    instruction = draw.choice(family.instructions)
    least = max(draw.randint(*family.lengths), 2 * len(instruction))
    sentences: dict[str, None] = {}
    length = 0
    while length < least or len(sentences) < 3:
        sentence = draw.choice(family.sentences)
        if sentence not in sentences:
            sentences[sentence] = None
            length += len(sentence)
    return instruction, "".join(sentences)


def edited(draw: random.Random, text: str) -> str:
    """Return the text with an edit for every `EDIT_EVERY` characters."""
    characters = list(text)
    for _ in range(max(1, len(text) // EDIT_EVERY)):
        at = draw.randrange(len(characters))
        change = draw.random()
        if change < 0.3:
            del characters[at]
        elif change < 0.6:
            characters.insert(at, draw.choice("的了是在也就都很"))
        elif change < 0.8:
            characters[at] = draw.choice("，。！？、；：")
        else:
            characters.insert(at, "  ")
    return "".join(characters)


def exam_questions(shortest: int = 16) -> list[list[str]]:
    """Return the test questions of CMMLU that are long enough to be told from common words, and those of GSM8K."""
    chinese = []
    for file in sorted((DATA / "cmmlu" / "test").glob("*.csv")):
        with file.open(encoding="utf-8-sig", newline="") as lines:
            chinese += [row["Question"] for row in csv.DictReader(lines)]
    english = [row["question"] for row in _lines(DATA / "gsm8k" / "test.jsonl")]
    return [[question for question in chinese if len(question) >= shortest], english]


def families(questions: list[list[str]]) -> list[Family]:
    """Return what is on the disk, family by family."""
    chinese, english = windows(questions[0], 13), windows(questions[1], 50)
    found = []
    for name, (pairs, lengths) in _pairs().items():
        lengths_ok = (8, 120) if lengths[1] < 400 else (20, 400)
        sentences = dict.fromkeys(
            sentence
            for _, answer in pairs
            for sentence in SPLIT.split(answer)
            if lengths_ok[0] <= len(sentence) <= lengths_ok[1] and not quotes(sentence, chinese, english)
        )
        instructions = dict.fromkeys(
            instruction
            for instruction, _ in pairs
            if instruction and len(instruction) <= lengths[1] // 4 and not quotes(instruction, chinese, english)
        )
        found.append(Family(name, list(instructions), list(sentences), lengths))
    return found


def windows(texts: list[str], size: int) -> set[str]:
    """Return every run of so many letters and digits."""
    squeezed = (squeeze(text) for text in texts)
    return {text[at : at + size] for text in squeezed for at in range(len(text) - size + 1)}


def quotes(text: str, chinese: set[str], english: set[str]) -> bool:
    """Tell whether the text has a run in common with a question."""
    squeezed = squeeze(text)
    return any(squeezed[at : at + 13] in chinese or squeezed[at : at + 50] in english for at in range(len(squeezed)))


def squeeze(text: str) -> str:
    """Return letters and digits alone, in lower case."""
    return "".join(filter(str.isalnum, text.lower()))


def _pairs() -> dict[str, tuple[list[Pair], tuple[int, int]]]:
    """Return pairs of instruction and text by family, with the least and the greatest length of an answer."""
    short, long = (70, 215), (250, 680)
    loaders: dict[str, tuple[Callable[[], list[Pair]], tuple[int, int]]] = {
        "alpaca_zh": (_alpaca_zh, short),
        "huatuo": (lambda: _alpaca(DATA / "huatuo_med", "*.json"), short),
        "smile": (_smile, short),
        "poems": (_poems, short),
        "classical": (_classical, short),
        "code": (lambda: _alpaca(DATA / "codealpaca_2k", "*.json"), long),
        "gsm8k": (_gsm8k, long),
    }
    return {name: (load(), lengths) for name, (load, lengths) in loaders.items()}


def _alpaca_zh() -> list[Pair]:
    return [*_alpaca(DATA / "alpaca_zh_mit", "*.json"), *_alpaca(DATA / "llamafactory_demo", "alpaca_zh_demo.json")]


def _alpaca(folder: Path, pattern: str) -> list[Pair]:
    pairs = []
    for file in sorted(folder.rglob(pattern)):
        text = file.read_text(encoding="utf-8")
        rows = json.loads(text) if text.lstrip().startswith("[") else list(_lines(file))
        pairs += [(row["instruction"], f"{row['output']}\n") for row in rows]
    return pairs


def _smile() -> list[Pair]:
    pairs = []
    for file in sorted((DATA / "smilechat" / "data").glob("*.json")):
        turns = [turn["content"] for turn in json.loads(file.read_text(encoding="utf-8"))]
        pairs += [(turn, f"{answer}\n") for turn, answer in zip(turns[::2], turns[1::2], strict=False)]
    return pairs


def _poems() -> list[Pair]:
    pairs = []
    for file in sorted((DATA / "chinese_poetry").rglob("*.json")):
        for poem in json.loads(file.read_text(encoding="utf-8")):
            if isinstance(poem, dict) and isinstance(poem.get("paragraphs"), list):
                title = poem.get("title", poem.get("rhythmic", ""))
                pairs.append((f"以《{title}》为题写一首诗。", "\n".join(map(str, poem["paragraphs"])) + "\n"))
    return pairs


def _classical() -> list[Pair]:
    pairs = []
    for file in sorted((DATA / "classical_modern").rglob("bitext.txt")):
        for text in file.read_text(encoding="utf-8").split("\n"):
            if text.startswith(("古文：", "现代文：")):
                sentence = text.partition("：")[2]
                pairs.append((f"解释：{sentence}"[:60], sentence))
    return pairs


def _gsm8k() -> list[Pair]:
    rows = list(_lines(DATA / "gsm8k" / "train_sample_1000.jsonl"))
    return [(row["question"], f"{row['question']} {row['answer']}\n") for row in rows]


def _lines(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
