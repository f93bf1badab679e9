"""ChatMed_Consult: what patients asked online, answered by ChatGPT.

Home: https://huggingface.co/datasets/michaelwzhu/ChatMed_Consult_Dataset.
Licence: CC BY 4.0; the project's README allows academic use only, and no commercial use.
Size: 549,326 rows (v0.3); 110,113 in v0.1.
Schema: `ChatMed_Consult-v0.3.json`, JSON lines for all its name, {query, response}.

>>> source = ChatmedConsult(files=["."])
>>> record = source.record(Row("v0.3.json:1", {"query": "感冒了怎么办？", "response": "多休息，多喝水。"}))
>>> record.kind, [turn.content for turn in record.messages]
('medical', ['感冒了怎么办？', '多休息，多喝水。'])
"""

from typing import ClassVar

from zhiyin.data.exchanges import ExchangeRows
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.records.licence import Licence


class ChatmedConsult(ExchangeRows, Source):
    """Rows of query and response."""

    home: ClassVar = "https://huggingface.co/datasets/michaelwzhu/ChatMed_Consult_Dataset"
    hub_id: ClassVar = "michaelwzhu/ChatMed_Consult_Dataset"
    licence: ClassVar = Licence("CC BY 4.0", commercial=False, terms="The project's README allows academic use only.")
    size: ClassVar = "549,326 rows"
    verified: ClassVar = True
    expects: ClassVar = ("query", "response")
    task: ClassVar = "medical"
