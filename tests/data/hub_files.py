"""Files of the data sets that the recipes read, in each set's documented schema: generated rows, no two alike."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

CHARACTERS = tuple(map(chr, range(0x4E00, 0x9FA0)))
WORDS = tuple(f"{first}{vowel}{last}" for first in "bdfgklmnprst" for vowel in "aeiou" for last in "bdfgklmnprst")
# 23 kinds as Firefly has them: stories as many as there are, the rest shared out.
STORIES = "StoryGeneration"
KINDS = (
    *("ProseGeneration", "MRC", "JinYongGeneration", "TextCorrection", "ClassicalChinese", "BELLE", "Couplet", "Cot"),
    *("Dictionary", "Translation", "Program", "SentimentAnalyze", "OpenQA", "AncientPoem", "TextMatching", "NLI"),
    *("Summary", "KeywordRecognition", "ProductDesc", "LyricGeneration", "Composition", "MusicComment"),
)

Row = dict[str, Any]


def chinese(rng: random.Random, length: int) -> str:
    """Return characters at random: of two such texts, no window of a few characters is the same."""
    return "".join(rng.choices(CHARACTERS, k=length))


def english(rng: random.Random, length: int) -> str:
    """Return made-up words at random."""
    return " ".join(rng.choices(WORDS, k=length))


def belle(rng: random.Random) -> Row:
    return {"instruction": chinese(rng, 20), "input": "", "output": chinese(rng, 60)}


def alpaca(rng: random.Random) -> Row:
    question, addition = chinese(rng, 16), chinese(rng, 12) if rng.random() < 0.4 else ""
    return {
        "instruction_zh": question,
        "input_zh": addition,
        "output_zh": chinese(rng, 60),
        "instruction": english(rng, 8),
        "input": "",
        "output": english(rng, 20),
    }


def news(rng: random.Random) -> Row:
    return {"id": "0", "translation": {"en": english(rng, 24), "zh": chinese(rng, 50)}}


def answers(rng: random.Random) -> Row:
    return {"question": chinese(rng, 20), "human_answers": [chinese(rng, 9)], "chatgpt_answers": [chinese(rng, 60)]}


def story(rng: random.Random) -> Row:
    return {"kind": STORIES, "input": chinese(rng, 20), "target": chinese(rng, 60)}


def task(rng: random.Random) -> Row:
    return {"kind": rng.choice(KINDS), "input": chinese(rng, 20), "target": chinese(rng, 40)}


def modern(rng: random.Random) -> Row:
    prompt = f"使用下列意象写一首现代诗：{chinese(rng, 2)}，{chinese(rng, 2)}"
    return {"uuid": english(rng, 3), "prompt": prompt, "response": f"标题:{chinese(rng, 4)}\n{chinese(rng, 60)}"}


def ancient(rng: random.Random) -> Row:
    return {"instruction": "写一首五言律诗", "context": chinese(rng, 4), "response": chinese(rng, 40)}


def history(rng: random.Random) -> Row:
    return {"inputs": chinese(rng, 30), "truth": chinese(rng, 45)}


def values(rng: random.Random) -> Row:
    return {"instruction": chinese(rng, 20), "input": "", "output": chinese(rng, 60)}


def translated(rng: random.Random) -> Row:
    return {
        "trans_instruction": chinese(rng, 20),
        "trans_input": chinese(rng, 10),
        "trans_output": chinese(rng, 60),
        "instruction": english(rng, 8),
        "input": english(rng, 4),
        "output": english(rng, 20),
    }


def counselling(rng: random.Random) -> Row:
    said = [{"answer_text": chinese(rng, 60), "has_label": False, "labels_sequence": []} for _ in range(3)]
    return {
        "question": chinese(rng, 15),
        "description": chinese(rng, 40),
        "keywords": "情绪",
        "questionID": 1,
        "answers": said,
    }


def rows(make: Callable[[random.Random], Row], count: int) -> Iterator[Row]:
    """Yield so many rows, the same ones every time."""
    rng = random.Random(make.__name__)
    for _ in range(count):
        yield make(rng)


def lines(path: Path, found: Iterable[Row]) -> Path:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
    return path


def array(path: Path, found: Iterable[Row]) -> Path:
    """Write one JSON array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(found), ensure_ascii=False), encoding="utf-8")
    return path


def parquet(path: Path, found: Iterable[Row]) -> Path:
    """Write Parquet."""
    import polars

    path.parent.mkdir(parents=True, exist_ok=True)
    polars.DataFrame(list(found)).write_parquet(path)
    return path
