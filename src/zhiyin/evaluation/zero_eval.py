"""ZeroEval's form of a question: reason first, then answer, both in a JSON object; and how such an answer is read.

Source: WildEval/ZeroEval, templates OEQA and MCQA, and its parser. The wording of OEQA, down to its two empty lines
and its spaces at the ends of lines, was checked against a published request; that of MCQA was not.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from zhiyin.evaluation.extract import LETTERS

KEYS = ("reasoning", "answer")
_OPEN = "providing your answer", 'Please show your final answer in the `answer` field, e.g.,`"answer": "42"`.'
_CHOICE = (
    "selecting the correct choice",
    'Please show your choice in the `answer` field with only the choice letter, e.g.,`"answer": "C"`.',
)
_FORM = '\n\n```json\n{\n    "reasoning": "___",\n    "answer": "___"\n}\n```'


def asked(question: str, choices: Sequence[str] = ()) -> str:
    """Return the user's turn; chat templates strip it, so it neither begins nor ends with a line break."""
    shown = f"\n\n## Choices:\n\n{_listed(choices)}" if choices else ""
    how, where = _CHOICE if choices else _OPEN
    return (
        f"## Question: \n\n{question}{shown}\n\n\n## Instruction \n\n"
        f"Please answer this question by first reasoning and then {how}.\n"
        f"Present your reasoning and solution in the following json format. \n{where}{_FORM}"
    )


def read(text: str) -> dict[str, str]:
    """Return the texts of `reasoning` and `answer` that an answer gives; a key that cannot be read is absent.

    Tried in turn: the first balanced object as JSON, line breaks taken out; then for each key `"key": "text"`, also
    over several lines; `"key": text` up to a comma or a space; and the same without quotes around the key.
    """
    found = _balanced(text)
    if found is None:
        pairs = {key: _loose(text, key) for key in KEYS}
        return {key: value for key, value in pairs.items() if value is not None}
    return {key: str(found[key]) for key in KEYS if found.get(key) is not None}


def number(answer: str) -> float | None:
    """Return the first number of an answer, `$` and `,` taken out."""
    digits = re.search(r"-?\d+(?:\.\d+)?", answer.replace("$", "").replace(",", ""))
    return float(digits.group()) if digits else None


def letter(answer: str) -> str | None:
    """Return the choice an answer names: the letter alone, or the first that is followed by `)`."""
    if answer in LETTERS:
        return answer
    named = re.search(r"([A-D])\)", answer)
    return named.group(1) if named else None


def _listed(choices: Sequence[str]) -> str:
    return "\n".join(f"- ({letter}) {text}" for letter, text in zip(LETTERS, choices, strict=True))


def _balanced(text: str) -> dict[str, Any] | None:
    """Return the object between the first brace and the one that closes it, None if it is not JSON."""
    depth, start = 0, 0
    for place, character in enumerate(text):
        if character == "{":
            start = place if depth == 0 else start
            depth += 1
        elif character == "}" and depth:
            depth -= 1
            if depth == 0:
                return _object(text[start : place + 1])
    return None


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text.replace("\n", ""))
    except (json.JSONDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _loose(text: str, key: str) -> str | None:
    for pattern in (rf'"{key}"\s*:\s*"(.*?)"', rf'"{key}"\s*:\s*([^,\s]+)', rf"{key}\s*:\s*([^,\s]+)"):
        if found := re.search(pattern, text, re.DOTALL):
            return found.group(1)
    return None
