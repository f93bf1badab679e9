"""Our Alpaca formats beside the `Prompter` of source document 003, rebuilt here from what it is said to do."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.chat.toys import calm, decoded, plain, scored, small_encoder

from zhiyin.chat.encode import Encoder
from zhiyin.chat.templates import InstructionTemplate, Template
from zhiyin.data.rows import Row
from zhiyin.data.sources import Source
from zhiyin.execution.catalog import load, make, names
from zhiyin.records.conversation import Conversation, Message

ROWS = Path(__file__).resolve().parents[3] / "shared" / "data" / "alpaca_zh_mit"
FIELDS: dict[str, dict[str, str]] = {
    "chinese_domain": {"domain": "医学"},
    "prompt_json": {
        "prompt_input": "{{{instruction}}}（{input}）\n=>",
        "prompt_no_input": "\n{instruction}\n=>",
        "response_split": "=>",
    },
}
MEMBERS = [name for name in names(Template) if issubclass(load(Template, name), InstructionTemplate)]


@dataclass(frozen=True)
class Prompter:
    """The strings of one template file, filled in by `str.format`."""

    template: dict[str, str]

    def generate_prompt(self, instruction: str, input: str | None = None, label: str | None = None) -> str:
        """Return the prompt; a filled input chooses which, and a label follows as it stands."""
        key = "prompt_input" if input else "prompt_no_input"
        prompt = self.template[key].format(instruction=instruction, input=input)
        return f"{prompt}{label}" if label else prompt

    def get_response(self, output: str) -> str:
        """Return what stands between the first header of an answer and the next one."""
        return output.split(self.template["response_split"])[1].strip()


@pytest.fixture(scope="module", params=MEMBERS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Return the encoder of one format of the Alpaca kind."""
    return small_encoder(make(Template, {"name": request.param, **FIELDS.get(request.param, {})}))


@pytest.fixture(scope="module")
def prompter(encoder: Encoder) -> Prompter:
    """Return the twin, with the same three strings."""
    assert isinstance(encoder.template, InstructionTemplate)
    prompts = encoder.template.prompts()
    return Prompter({key: getattr(prompts, key) for key in prompts.__struct_fields__})


def read(row: dict[str, Any], **fields: Any) -> tuple[Message, ...]:
    """Return the turns that our source makes of a row."""
    source = make(Source, {"name": "alpaca_json", "files": ["."], **fields})
    record = source.record(Row("rows.json:1", row))
    assert isinstance(record, Conversation)
    return record.messages


filled = plain.filter(str.strip)


def test_these_formats_are_compared() -> None:
    assert len(MEMBERS) == 6


@calm
@given(instruction=filled, input=st.one_of(st.just(""), filled), output=filled)
def test_text_mask_and_answer_are_those_of_the_prompter(
    encoder: Encoder, prompter: Prompter, instruction: str, input: str, output: str
) -> None:
    messages = read({"instruction": instruction, "input": input, "output": output}, separate_input=True)
    encoded = encoder.conversation(messages)
    prompt = prompter.generate_prompt(instruction, input)
    assert decoded(encoder, encoder.prompt(messages[:-1])) == f"<s>{prompt}"
    assert decoded(encoder, encoded.ids) == f"<s>{prompter.generate_prompt(instruction, input, output)}</s>"
    assert scored(encoder, encoded.ids, encoded.mask) == f"{output}</s>"
    split = prompter.template["response_split"]
    if split not in instruction + input + output:
        answered = encoder.tokenizer.decode(encoded.ids, skip_special_tokens=True)
        assert prompter.get_response(answered) == output.strip()


@calm
@given(instruction=filled, input=filled, output=filled)
def test_an_input_that_is_joined_is_part_of_the_instruction(
    encoder: Encoder, prompter: Prompter, instruction: str, input: str, output: str
) -> None:
    messages = read({"instruction": instruction, "input": input, "output": output})
    joined = f"{instruction}\n{input}"
    whole = f"<s>{prompter.generate_prompt(joined, None, output)}</s>"
    assert decoded(encoder, encoder.conversation(messages).ids) == whole


@pytest.mark.skipif(not ROWS.exists(), reason=f"needs {ROWS}")
def test_real_rows_are_laid_out_alike() -> None:
    """6,909 rows, every one that is no rejection, 2,696 of them with an input."""
    encoder = small_encoder(make(Template, "alpaca"))
    assert isinstance(encoder.template, InstructionTemplate)
    prompts = encoder.template.prompts()
    prompter = Prompter({key: getattr(prompts, key) for key in prompts.__struct_fields__})
    rows = [row for file in sorted(ROWS.glob("*.json")) for row in json.loads(file.read_text(encoding="utf-8"))]
    good = [row for row in rows if row["instruction"].strip() and row["output"].strip()]
    assert (len(rows), len(good), sum(bool(row["input"]) for row in good)) == (6914, 6909, 2696)
    turns = [read(row, separate_input=True) for row in good]
    for row, encoded in zip(good, encoder.conversations(turns), strict=True):
        whole = prompter.generate_prompt(row["instruction"], row["input"], row["output"])
        assert decoded(encoder, encoded.ids) == f"<s>{whole}</s>"
        assert scored(encoder, encoded.ids, encoded.mask) == f"{row['output']}</s>"
