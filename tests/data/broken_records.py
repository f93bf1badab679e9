"""Files with rows that can be read and make no record, files without rows, and files that only look broken."""

import gzip
import io
import json
from typing import Any

import polars
from tests.data.broken_rows import GOOD, TALK, Rows, array, between, lines, row, talk


def pair(**fields: Any) -> bytes:
    return json.dumps({"prompt": "问", "chosen": "好", "rejected": "坏", **fields}, ensure_ascii=False).encode()


def poem(**fields: Any) -> bytes:
    return json.dumps(
        {"title": "静夜思", "author": "李白", "paragraphs": ["床前明月光，", "疑是地上霜。"], **fields}
    ).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    polars.DataFrame(rows, strict=False).write_parquet(buffer)
    return buffer.getvalue()


TEMPLATE = "<start_of_turn>user\n问\n<end_of_turn><eos>\n<start_of_turn>model\n答\n<end_of_turn><eos>\n"
TSV = "instruction\toutput\n"

NO_RECORDS = (
    Rows(
        "column",
        "misspelt",
        "a.jsonl",
        between(b'{"instructon": "q", "output": "a"}'),
        2,
        {2: "no field 'instruction' (did you mean 'instructon'?); the row has instructon, output"},
    ),
    Rows(
        "column",
        "no rejected",
        "a.json",
        array(pair(), b'{"prompt": "q", "chosen": "a"}'),
        1,
        {2: "no field 'rejected'; the row has prompt, chosen"},
        "preference_json",
    ),
    Rows(
        "column",
        "no prompt",
        "a.json",
        array(pair(), b'{"chosen": "a", "rejected": "b"}'),
        1,
        {2: "no prompt; the row has chosen, rejected"},
        "preference_json",
    ),
    Rows(
        "column",
        "no lines of a poem",
        "a.json",
        array(poem(), b'{"title": "t", "text": "x"}'),
        1,
        {2: "no lines in 'paragraphs'"},
        "chinese_poetry",
    ),
    Rows(
        "column",
        "no text",
        "a.jsonl",
        lines(b'{"text": "a"}', b'{"content": "b"}'),
        1,
        {2: "no field 'text'; the row has content"},
        "text",
    ),
    Rows(
        "column",
        "no dialogue",
        "a.jsonl",
        between(b'{"dialog": []}', TALK),
        2,
        {2: "no field 'conversations'; the row has dialog"},
        "sharegpt",
    ),
    Rows(
        "type", "number for a text", "a.jsonl", between(row(output=7)), 2, {2: "field 'output' must be a text, not int"}
    ),
    Rows(
        "type",
        "list for a text",
        "a.jsonl",
        between(row(output=["a"])),
        2,
        {2: "field 'output' must be a text, not list"},
    ),
    Rows("type", "number for a history", "a.jsonl", between(row(history=3)), 2, {2: "the history is not a list"}),
    Rows(
        "type",
        "text for turns",
        "a.jsonl",
        between(b'{"conversations": "hi"}', TALK),
        2,
        {2: "the turns must be a list, not str"},
        "sharegpt",
    ),
    Rows(
        "type",
        "number for a turn's text",
        "a.jsonl",
        between(talk(("human", 1), ("gpt", "a")), TALK),
        2,
        {2: "a turn's content must be a text, not int"},
        "sharegpt",
    ),
    Rows(
        "type",
        "column of numbers",
        "a.parquet",
        parquet([{"instruction": "q", "output": 1}]),
        0,
        {1: "field 'output' must be a text, not int"},
    ),
    Rows("empty value", "null", "a.jsonl", between(row(output=None)), 2, {2: "no value in the field 'output'"}),
    Rows(
        "empty value",
        "null in a column",
        "a.parquet",
        parquet([json.loads(GOOD), {"instruction": "q", "output": None}]),
        1,
        {2: "no value in the field 'output'"},
    ),
    Rows("empty value", "blank answer", "a.jsonl", between(row(output=" \u3000")), 2, {2: "an empty assistant turn"}),
    Rows("empty value", "empty question", "a.jsonl", between(row(instruction="")), 2, {2: "an empty user turn"}),
    Rows("empty value", "no turns", "a.jsonl", between(talk(), TALK), 2, {2: "no turns"}, "sharegpt"),
    Rows("empty value", "empty cell", "a.tsv", f"{TSV}q\ta\nr\t\n".encode(), 1, {3: "an empty assistant turn"}),
    Rows(
        "empty value",
        "poem without lines",
        "a.json",
        array(poem(), poem(paragraphs=[])),
        1,
        {2: "a poem without lines"},
        "chinese_poetry",
    ),
    Rows(
        "turns",
        "two questions",
        "a.jsonl",
        between(talk(("human", "a"), ("human", "b")), TALK),
        2,
        {2: "a user turn where the assistant's is due"},
        "sharegpt",
    ),
    Rows(
        "turns",
        "unknown role",
        "a.jsonl",
        between(talk(("human", "a"), ("teacher", "b")), TALK),
        2,
        {2: "a turn of the role 'teacher'"},
        "sharegpt",
    ),
    Rows(
        "turns",
        "question at the end",
        "a.jsonl",
        between(talk(("human", "a")), TALK),
        2,
        {2: "it ends with a user turn"},
        "sharegpt",
    ),
    Rows(
        "turns",
        "template broken off",
        "a.json",
        array(json.dumps({"text": TEMPLATE}).encode(), json.dumps({"text": TEMPLATE[:-9]}).encode()),
        1,
        {2: "the text does not follow the template"},
        "gemmalm_chinese",
    ),
    Rows(
        "turns",
        "half without the other",
        "bitext.txt",
        "古文：孤句\n古文：温故\n现代文：温习\n孤行\n".encode(),
        1,
        {1: "a line 古文： without", 4: "not a line 古文："},
        "classical_modern",
    ),
    Rows(
        "preference",
        "equal answers",
        "a.json",
        array(pair(), pair(rejected=" 好")),
        1,
        {2: "chosen and rejected are the same text"},
        "preference_json",
    ),
    Rows(
        "preference",
        "empty answer",
        "a.json",
        array(pair(), pair(chosen="")),
        1,
        {2: "an empty answer"},
        "preference_json",
    ),
    Rows("cells", "one cell more", "a.csv", b"instruction,output\nq,a\nr,b,c\n", 1, {3: "3 cells under a header of 2"}),
    Rows("cells", "one cell less", "a.csv", b"instruction,output\nq,a\nr\n", 1, {3: "1 cells under a header of 2"}),
    Rows(
        "cells",
        "header again",
        "a.csv",
        b"instruction,output\nq,a\n\xef\xbb\xbfinstruction,output\nr,b\n",
        2,
        {3: "the header once more"},
    ),
    Rows("no rows", "empty file", "a.json", b"", 0, {1: "a file without rows"}),
    Rows("no rows", "white space", "a.jsonl", b" \n\n\t\n", 0, {1: "a file without rows"}),
    Rows("no rows", "empty array", "a.json", b"[]", 0, {1: "a file without rows"}),
    Rows("no rows", "only a header", "a.csv", b"instruction,output\n", 0, {1: "a file without rows"}),
    Rows("no rows", "empty gzip", "a.jsonl.gz", gzip.compress(b""), 0, {1: "a file without rows"}),
    Rows(
        "no rows",
        "table without rows",
        "a.parquet",
        parquet([]),
        0,
        {1: "a file without rows"},
    ),
)
"""Faults of what the rows say."""


ODD = (
    Rows("", "line separators in a text", "a.jsonl", lines(row(output="一\u2028二\u2029三\u0085四")), 1),
    Rows("", "Windows line ends and a mark", "a.jsonl", b"\xef\xbb\xbf" + lines(GOOD, GOOD, end=b"\r\n"), 2),
    Rows("", "a mark in the middle", "a.jsonl", lines(GOOD, b"\xef\xbb\xbf" + GOOD), 2),
    Rows("", "no end of the last line", "a.jsonl", lines(GOOD) + GOOD, 2),
    Rows("", "empty lines between", "a.jsonl", lines(GOOD, b"", b"  ", GOOD), 2),
    Rows("", "a lone CR ends CSV lines", "a.csv", b"instruction,output\rq,a\rr,b\r", 2),
    Rows("", "a quote and a colon in a text", "a.jsonl", lines(row(output='{"a": 1, "a": 2}')), 1),
    Rows("", "a space before colons", "a.jsonl", lines(GOOD.replace(b":", b" :")), 1),
    Rows(
        "",
        "minus zero and a number of 30 digits",
        "a.jsonl",
        lines(GOOD[:-1] + b', "a": -0, "b": ' + b"1" * 30 + b"}"),
        1,
    ),
    Rows("", "pairs of surrogates", "a.jsonl", lines(rb'{"instruction": "\ud83d\ude00", "output": "a"}'), 1),
    Rows("", "separators in a plain line", "a.txt", "一\u2028二\n三\u0085四\n".encode(), 2, {}, "text"),
)
"""What looks broken and is not."""
