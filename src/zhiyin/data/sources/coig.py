"""COIG, the Chinese Open Instruction Generalist: translated instructions, exams, values, corrections, programming.

Home: https://huggingface.co/datasets/BAAI/COIG.
Licence: Apache-2.0; the programming tasks are CC BY-SA 4.0, the exams were found on the web.
Size: 191,191 rows in six parts: 67,798 translated, 63,532 exam, 34,471 value, 13,653 correction, 11,737 programming.
Schema: six files, told apart by their columns. `translated_instructions.jsonl`: {trans_instruction, trans_input,
trans_output} beside the English. `exam_instructions.jsonl` and `human_value_alignment_instructions_part2.json`, JSON
lines: {textbox_q_instruction, textbox_q_context, textbox_question, textbox_answer, textbox_answer_analysis}.
`human_value_alignment_instructions_part1.json`, an array, and `leetcode_instructions.jsonl`: {instruction, input,
output}. `counterfactural_correction_multi_round_chat.tar.gz`: a JSON file for each dialogue, {round_0: {response},
...}, each response a JSON text {Q, A}. The kind is translated, exam, alignment, counterfactual or code, by the file's
name.

>>> source = Coig(files=["."])
>>> record = source.record(Row("exam_instructions.jsonl:1", {"textbox_q_instruction": "选出答案。",
...     "textbox_q_context": "", "textbox_question": "1+1=？ A. 2 B. 3", "textbox_answer": "A",
...     "textbox_answer_analysis": "一加一得二。"}))
>>> record.kind, [turn.content for turn in record.messages]
('exam', ['选出答案。\\n1+1=？ A. 2 B. 3', '一加一得二。\\n答案：A'])
>>> chat = source.record(Row("a.tar.gz/1.json:1", {
...     "round_0": {"response": '{"Q": "李白是宋人吗？", "A": "是唐人。"}'}}))
>>> [turn.content for turn in chat.messages]
['李白是宋人吗？', '是唐人。']
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from zhiyin.data.archives import json_members
from zhiyin.data.exchanges import Exchange, InstructionRows
from zhiyin.data.files import FileRows, SourceFile
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, text_field
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence

KINDS: Mapping[str, str] = {
    "translated": "translated",
    "exam": "exam",
    "human_value": "alignment",
    "counterfact": "counterfactual",
    "leetcode": "code",
}
"""Part of a file's name to the kind of its rows."""
ROUNDS = tuple(f"round_{number}" for number in range(10))


class Coig(InstructionRows, Source):
    """Rows of six parts, each in a form of its own."""

    home: ClassVar = "https://huggingface.co/datasets/BAAI/COIG"
    hub_id: ClassVar = "BAAI/COIG"
    licence: ClassVar = Licence(
        "Apache-2.0", commercial=True, terms="The programming tasks are CC BY-SA 4.0; the exams were found on the web."
    )
    size: ClassVar = "191,191 rows in six parts"
    verified: ClassVar = True
    expects: ClassVar = ("trans_instruction|textbox_question|round_0|instruction",)
    optional: ClassVar = (
        *("instruction", "input", "output", "trans_input", "trans_output", "textbox_q_instruction"),
        *("textbox_q_context", "textbox_answer", "textbox_answer_analysis", *ROUNDS[1:]),
    )
    usual: ClassVar = (*FileRows.usual, "*.tar.gz")

    analysis: bool = True
    """Answer exams with their analysis before the answer, where there is one; otherwise with the answer alone."""

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield the rows of a file, or the files of an archive."""
        return json_members(file) if file.path.name.endswith(".tar.gz") else super().read(file)

    def kind_of(self, row: Row) -> str:
        """Return the part of COIG a file belongs to by its name."""
        return next((kind for part, kind in KINDS.items() if part in row.where.rpartition(":")[0]), self.task)

    def record(self, row: Row) -> Conversation:
        """Return the row as a conversation of one or of several rounds."""
        if not any(name in row.value for name in ROUNDS):
            return super().record(row)
        return Conversation(self.identify(row), conversation(_rounds(row.value)), self.data_set, self.kind_of(row))

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Read one of the three forms of a single round."""
        if "trans_instruction" in row:
            question, addition, answer = (f"trans_{name}" for name in ("instruction", "input", "output"))
            return Exchange(text_field(row, question), text_field(row, answer), text_field(row, addition, ""))
        if "textbox_question" in row:
            about = (text_field(row, name, "") for name in ("textbox_q_context", "textbox_question"))
            addition = "\n".join(part for part in about if part.strip())
            return Exchange(text_field(row, "textbox_q_instruction", ""), self._answer(row), addition)
        return super().exchange(row)

    def _answer(self, row: Mapping[str, Any]) -> str:
        answer, analysis = text_field(row, "textbox_answer", ""), text_field(row, "textbox_answer_analysis", "")
        if not self.analysis or not analysis.strip():
            return answer
        return f"{analysis}\n答案：{answer}" if answer.strip() else analysis


def _rounds(row: Mapping[str, Any]) -> Iterator[Message]:
    """Yield the turns of all rounds in order."""
    if any(name.startswith("round_") and name not in ROUNDS for name in row):
        raise BadRow(f"a dialogue of more than {len(ROUNDS)} rounds")
    for talk in (row[name] for name in ROUNDS if name in row):
        response = talk.get("response") if isinstance(talk, Mapping) else None
        try:
            said = msgspec.json.decode(response) if isinstance(response, str) else None
        except msgspec.DecodeError:
            said = None
        if not isinstance(said, Mapping):
            raise BadRow("a round whose response is no JSON text of an object {Q, A}")
        yield Message("user", text_field(said, "Q"))
        yield Message("assistant", text_field(said, "A"))
