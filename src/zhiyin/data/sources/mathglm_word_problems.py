"""MathGLM's word problems: Ape210K with answers made anew, as the equation and its value.

Home: https://github.com/THUDM/MathGLM, `MathGLM_MWP/dataset/data.jsonl`.
Licence: not stated.
Size: some 200,000 problems; a test file of 5,000.
Schema: JSON lines, {question, answer}; the answer is `x=expression=value`.

>>> source = MathglmWordProblems(files=["."])
>>> record = source.record(Row("data.jsonl:1", {"question": "3箱苹果，每箱12个，一共几个？", "answer": "x=3*12=36"}))
>>> record.kind, record.messages[1].content
('word_problem', 'x=3*12=36')
"""

from typing import ClassVar

from zhiyin.data.exchanges import ExchangeRows
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.records.licence import Licence


class MathglmWordProblems(ExchangeRows, Source):
    """Rows of question and answer."""

    home: ClassVar = "https://github.com/THUDM/MathGLM"
    licence: ClassVar = Licence("not stated", commercial=None, terms="Made from Ape210K, whose terms hold as well.")
    size: ClassVar = "some 200,000 problems; a test file of 5,000"
    verified: ClassVar = True
    expects: ClassVar = ("question", "answer")
    task: ClassVar = "word_problem"
