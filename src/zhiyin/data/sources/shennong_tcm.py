"""ShenNong_TCM (ChatMed_TCM-v0.2): questions on traditional Chinese medicine, answered by ChatGPT.

Home: https://huggingface.co/datasets/michaelwzhu/ShenNong_TCM_Dataset.
Licence: Apache-2.0.
Size: about 113,000 rows, 110 MB.
Schema: `ChatMed_TCM-v0.2.json`, JSON lines for all its name, {query, response}: the form of its author's other set,
not read in this one.

>>> source = ShennongTcm(files=["."])
>>> record = source.record(Row("v0.2.json:1", {"query": "气虚吃什么？", "response": "黄芪、党参等。"}))
>>> record.kind, [turn.content for turn in record.messages]
('chinese_medicine', ['气虚吃什么？', '黄芪、党参等。'])
"""

from typing import ClassVar

from zhiyin.data.exchanges import ExchangeRows
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.records.licence import Licence


class ShennongTcm(ExchangeRows, Source):
    """Rows of query and response."""

    home: ClassVar = "https://huggingface.co/datasets/michaelwzhu/ShenNong_TCM_Dataset"
    hub_id: ClassVar = "michaelwzhu/ShenNong_TCM_Dataset"
    licence: ClassVar = Licence("Apache-2.0", commercial=True)
    size: ClassVar = "about 113,000 rows, 110 MB"
    verified: ClassVar = False
    expects: ClassVar = ("query", "response")
    task: ClassVar = "chinese_medicine"
