"""PsyQA: what people in distress wrote, and long answers by counsellors.

Home: https://github.com/thu-coai/PsyQA; the data come by mail, once the agreement is signed.
Licence: PsyQA user agreement, to be signed: research only, and the data may not be passed on.
Size: some 22,000 questions, with 2.7 answers each.
Schema: `PsyQA_full.json`, an array of {question, description, keywords, questionID, answers: [{answer_text, has_label,
labels_sequence}]}. Document 003's six variants: 0 and 1 ask the question, 2 and 3 the question and its description on
one line, 4 and 5 the question with the description as its input; even ones take every answer (`file:12.2` is the
second of row 12), odd ones the first.

>>> source = Psyqa(files=["."])
>>> record = source.record(Row("PsyQA_full.json:1", {
...     "question": "总是失眠怎么办", "description": "一个月了。", "answers": [{"answer_text": "先别着急。"}]}))
>>> record.kind, [turn.content for turn in record.messages]
('counselling', ['总是失眠怎么办\\n一个月了。', '先别着急。'])
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from zhiyin.data.exchanges import Exchange, InstructionRows, first, parted
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence


class Psyqa(InstructionRows, Source):
    """Rows of a question, its description and answers."""

    home: ClassVar = "https://github.com/thu-coai/PsyQA"
    licence: ClassVar = Licence(
        "PsyQA user agreement", commercial=False, terms="To be signed; research only, and no copy may be passed on."
    )
    size: ClassVar = "some 22,000 questions"
    verified: ClassVar = True
    expects: ClassVar = ("question", "answers")
    optional: ClassVar = ("description",)
    task: ClassVar = "counselling"

    variant: int = Field(default=5, ge=0, le=5)
    """Which of document 003's forms a record has; its published models used 5."""

    def rows(self) -> Iterator[Row | Rejected]:
        """Return the rows, once for each answer in the even variants."""
        found = super().rows()
        return found if self.variant % 2 else parted(found, "answers")

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Return the question as the variant has it, and the answer."""
        answer = first(row, "answers")
        if not isinstance(answer, Mapping):
            raise BadRow(f"an answer must be an object, not {type(answer).__name__}")
        question, description = text_field(row, "question"), text_field(row, "description", "")
        if self.variant in (2, 3):
            question = f"{question} {description}".strip()
        return Exchange(question, text_field(answer, "answer_text"), description if self.variant > 3 else "")
