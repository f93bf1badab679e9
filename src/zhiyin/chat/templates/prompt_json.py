"""A format of the Alpaca kind from a JSON file of your own.

The file is an object with the texts `prompt_input` (holding `{instruction}` and behind it `{input}`),
`prompt_no_input` (holding `{instruction}`) and `response_split`, the header of the answer; `description` and other keys
say nothing about the text. It is read once. The config keeps its three texts and forgets the path, so a model's
`template.json` is complete by itself, and a file that has moved makes no other result.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from zhiyin.chat.instruction import Prompts, layout
from zhiyin.chat.templates import InstructionTemplate

KEYS = Prompts.__struct_fields__


class PromptJson(InstructionTemplate):
    """Give `file`, or the three texts themselves."""

    file: Path | None = Field(default=None, exclude=True)
    """The JSON file that holds the three texts below; it is read when the recipe is, and its path is not kept."""
    prompt_input: str
    """The prompt of an instruction with its input; taken from `file`."""
    prompt_no_input: str
    """The prompt of an instruction alone; taken from `file`."""
    response_split: str
    """The header of the answer, with which both prompts end; taken from `file`."""

    def prompts(self) -> Prompts:
        """See `InstructionTemplate`."""
        return Prompts(self.prompt_input, self.prompt_no_input, self.response_split)

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, fields: Any) -> Any:
        """Put the texts of the file in the place of its path."""
        if not isinstance(fields, Mapping) or not isinstance(fields.get("file"), str | Path):
            return fields
        if given := [key for key in KEYS if key in fields]:
            raise ValueError(
                f"`file` and `{given[0]}` are both given; the texts come from one of them, leave out the other"
            )
        rest = {key: value for key, value in fields.items() if key != "file"}
        return {**rest, **_texts(Path(fields["file"]))}


def _texts(file: Path) -> dict[str, str]:
    """Return the three texts of a file, checked."""
    if not file.is_file():
        raise ValueError(
            f"no such file: {file} (relative paths start at {Path.cwd()}; "
            "give the JSON file with prompt_input, prompt_no_input and response_split)"
        )
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: expected a JSON object in UTF-8; reading it: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file}: expected a JSON object with {', '.join(KEYS)}; found {type(found).__name__}")
    for key in KEYS:
        if not isinstance(found.get(key), str):
            what = (
                f"found {type(found[key]).__name__}" if key in found else f"there are: {', '.join(found) or 'no keys'}"
            )
            raise ValueError(f"{file}: expected a text under the key `{key}`; {what}; add it to the file")
    texts = {key: str(found[key]) for key in KEYS}
    try:
        layout(Prompts(**texts))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return texts
