"""Faults made at random in sound files: the kinds of fault, files of many forms, and how many rows a file holds.

The count of rows is the slow and obvious twin of the readers: Python's own `json`, `csv` and `bytes.split`.
"""

import csv
import io
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.families.samples_sft import alpaca, baize, counselling, exam, rounds
from tests.families.sources import array, lines, talk

BOM = b"\xef\xbb\xbf"
Fault = Callable[[bytes, random.Random], bytes]


def _line(content: bytes, chance: random.Random) -> tuple[list[bytes], int]:
    """Return the lines, and the number of one of them."""
    found = content.split(b"\n")
    return found, chance.randrange(max(1, len(found) - 1))


def cut_off(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(1, len(content))]


def middle_lost(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.randrange(1, 60) :]


def other_bytes(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randrange(1, 6)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def nul_bytes(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + bytes(chance.randrange(1, 20)) + content[start:]


def other_encoding(content: bytes, chance: random.Random) -> bytes:
    found, at = _line(content, chance)
    found[at] = found[at].decode().encode(chance.choice(["gb18030", "utf-16", "utf-16-le", "big5"]), "ignore")
    return b"\n".join(found)


def whole_file_encoded(content: bytes, chance: random.Random) -> bytes:
    return content.decode().encode(chance.choice(["gb18030", "utf-16", "utf-16-be", "utf-32"]))


def quotes_lost(content: bytes, chance: random.Random) -> bytes:
    return content.replace(b'"', b"", chance.randrange(1, 4)) if b'"' in content else b'"' + content


def nested(content: bytes, chance: random.Random) -> bytes:
    """Put a list, an object, a number or nothing where a text is due."""
    value = chance.choice([b'["a"]', b'[["a"], [[]]]', b'{"a": {}}', b"7", b"null", b"[" * 3000 + b"]" * 3000])
    start = content.find(b': "', chance.randrange(max(1, len(content) // 2)))
    end = content.find(b'"', start + 3)
    return content[: start + 2] + value + content[end + 1 :] if 0 <= start < end else content + value


def columns_swapped(content: bytes, chance: random.Random) -> bytes:
    """Swap or misspell columns; a line without columns has its halves swapped."""
    found, at = _line(content, chance)
    before, half = found[at], len(found[at]) // 2
    for old, new in ((b"instruction", b"output"), (b"query", b"Query"), (b"input", b"in put"), (b"value", b"from")):
        found[at] = found[at].replace(old, new)
    found[at] = b"\t".join(reversed(found[at].split(b"\t")))
    found[at] = before[half:] + before[:half] if found[at] == before else found[at]
    return b"\n".join(found)


def line_ends_mixed(content: bytes, chance: random.Random) -> bytes:
    ends = [b"\n", b"\r\n", b"\r", b"\n\n", b"\n \t\n", b"\xe2\x80\xa8", b"\xc2\x85", b"\x0b", b"\x0c"]
    return b"".join(line + chance.choice(ends) for line in content.split(b"\n"))


def rows_joined(content: bytes, chance: random.Random) -> bytes:
    found, at = _line(content, chance)
    return b"\n".join([*found[:at], b"".join(found[at : at + 2]), *found[at + 2 :]])


def row_split(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + b"\n" + content[start:]


def marks_inside(content: bytes, chance: random.Random) -> bytes:
    found, at = _line(content, chance)
    return b"\n".join([*found[:at], BOM + found[at], *found[at + 1 :]]) + chance.choice([b"", BOM, b"\x1a"])


def half_a_pair(content: bytes, chance: random.Random) -> bytes:
    start = content.find(b': "', chance.randrange(max(1, len(content) // 2))) + 3
    return content[:start] + chance.choice([rb"\ud800", rb"\udc00", b"\xed\xa0\x80"]) + content[start:]


def brackets_lost(content: bytes, chance: random.Random) -> bytes:
    mark = chance.choice([b"[", b"]", b"{", b"}", b",", b":"])
    found = [at for at in range(len(content)) if content[at : at + 1] == mark]
    start = chance.choice(found) if found else 0
    return content[:start] + content[start + 1 :]


FAULTS: tuple[Fault, ...] = (
    *(cut_off, middle_lost, other_bytes, nul_bytes, other_encoding, whole_file_encoded, quotes_lost, nested),
    *(columns_swapped, line_ends_mixed, rows_joined, row_split, marks_inside, half_a_pair, brackets_lost),
)


@dataclass(frozen=True)
class Sound:
    """Files of a source without a fault; the first one is broken. Arrays are written with a row a line."""

    source: str
    files: Mapping[str, str]
    count: Callable[[bytes], int]
    """How many rows the broken file holds; raises `ValueError` when that cannot be told."""


def json_rows(content: bytes) -> int:
    """Count the elements of an array, or lines: the first byte tells."""
    beginning = content.removeprefix(BOM).lstrip()
    if not beginning.startswith(b"["):
        return text_rows(content)
    found = json.loads(content.removeprefix(BOM).decode("utf-8", "surrogateescape"), strict=False)
    return len(found)


def text_rows(content: bytes) -> int:
    """Count the lines that are not blank; a byte order mark may begin each of them."""
    return sum(bool(line.removeprefix(BOM).strip()) for line in content.split(b"\n"))


def all_lines(content: bytes) -> int:
    """Count the lines, blank ones as well; the last one may have no end."""
    return content.count(b"\n") + (not content.endswith(b"\n") and bool(content))


def csv_rows(content: bytes) -> int:
    """Count the rows below the header; one without cells is none."""
    text = content.removeprefix(BOM).decode("utf-8", "surrogateescape")
    try:
        return sum(bool(cells) for cells in csv.reader(io.StringIO(text, newline=""), strict=True)) - 1
    except csv.Error as error:
        raise ValueError("no CSV") from error


def whole_file(content: bytes) -> int:
    return 1


TEXTS = ("春眠不觉晓", "处处闻啼鸟，夜来风雨声。", "花落知多少？“多”", "a close friend")
ROWS = [alpaca(question, answer, addition) for question in TEXTS for answer, addition in zip(TEXTS, TEXTS, strict=True)]

SOUND = (
    Sound("belle", {"1M.json": lines(*ROWS)}, json_rows),
    Sound("alpaca_gpt4", {"zh.json": array(*ROWS)}, json_rows),
    Sound("qizhen", {"sft-20k.json": json.dumps(ROWS, ensure_ascii=False, indent=1)}, json_rows),
    Sound(
        "chatmed_consult", {"v0.3.json": lines(*({"query": a, "response": b} for a in TEXTS for b in TEXTS))}, json_rows
    ),
    Sound(
        "llama3_chinese",
        {"a.jsonl": lines(*({"conversations": talk(a, b, b, a)} for a in TEXTS for b in TEXTS))},
        json_rows,
    ),
    Sound("baize", {"quora.json": array(*(baize(a, b, b, a) for a in TEXTS for b in TEXTS))}, json_rows),
    Sound(
        "hc3_chinese",
        {
            "all.jsonl": lines(
                *({"question": a, "human_answers": [b], "chatgpt_answers": [a, b]} for a in TEXTS for b in TEXTS)
            )
        },
        json_rows,
    ),
    Sound(
        "firefly",
        {"a.jsonl": lines(*({"kind": "NLI", "input": a, "target": b} for a in TEXTS for b in TEXTS))},
        json_rows,
    ),
    Sound(
        "psyqa",
        {
            "full.json": array(
                *({"question": a, "description": b, "answers": [{"answer_text": a}]} for a in TEXTS for b in TEXTS)
            )
        },
        json_rows,
    ),
    Sound("coig", {"exam_instructions.jsonl": lines(*(exam(a, b, a) for a in TEXTS for b in TEXTS))}, json_rows),
    Sound("coig", {"chat.json": array(*(rounds((a, b), (b, a)) for a in TEXTS for b in TEXTS))}, json_rows),
    Sound("smile", {f"{number}.json": counselling(*TEXTS) for number in range(3)}, whole_file),
    Sound(
        "mathglm_arithmetic",
        {"train.txt": "".join(f"{a}+{b}={a + b}\n" for a in range(9) for b in range(9))},
        text_rows,
    ),
    Sound("news_commentary", {"a.en-zh.tsv": "".join(f"{a}\t{b}\n" for a in TEXTS for b in TEXTS)}, all_lines),
    Sound(
        "couplets",
        {"in.txt": "春 风\n云 淡\n" * 9, "out.txt": "秋 雨\n风 轻\n" * 9},
        all_lines,
    ),
    Sound(
        "alpaca_json",
        {"a.csv": "instruction,output\n" + "".join(f'"{a}","{b}"\n' for a in TEXTS[:2] for b in TEXTS)},
        csv_rows,
    ),
)
