"""Modern Chinese poems, and foreign ones in translation: write one with these images, or to this title.

Home: https://huggingface.co/datasets/Iess/chinese_modern_poetry.
Licence: MIT, as the card says; poems of living authors are in copyright, which a collector cannot give away.
Size: 246,568 rows.
Schema: `training_imagery{2..5}_maxlen256.json`, JSON lines for all their names, {uuid, prompt, response}; and the poems
they were made from, `chinese_poems.jsonl`, {title, author, content}, which are asked for by their titles. Only the
former were read. Both hold the same poems: say in `pattern` which files are meant.

>>> source = ChineseModernPoetry(files=["."])
>>> record = source.record(Row("a.json:1", {"prompt": "使用下列意象写一首现代诗：屋子，雪地", "response": "标题:相思"}))
>>> record.kind, [turn.content for turn in record.messages]
('modern_poetry_creation', ['使用下列意象写一首现代诗：屋子，雪地', '标题:相思'])
>>> source.record(Row("b.jsonl:1", {"title": "相思", "content": ["躲开相思，", "披上裘儿"]})).messages[1].content
'躲开相思，\\n披上裘儿'
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.exchanges import Exchange, ExchangeRows, filled
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.licence import Licence


class ChineseModernPoetry(ExchangeRows, Source):
    """Rows of prompt and response, or of title and poem."""

    home: ClassVar = "https://huggingface.co/datasets/Iess/chinese_modern_poetry"
    hub_id: ClassVar = "Iess/chinese_modern_poetry"
    licence: ClassVar = Licence("MIT", commercial=None, terms="Poems of living authors are in copyright.")
    size: ClassVar = "246,568 rows"
    verified: ClassVar = True
    expects: ClassVar = ("prompt|title", "response|content")
    task: ClassVar = "modern_poetry_creation"

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Read either form; the lines of a poem may come as a list."""
        if "prompt" in row:
            return Exchange(text_field(row, "prompt"), text_field(row, "response"))
        poem = row.get("content")
        if isinstance(poem, list) and all(isinstance(line, str) for line in poem):
            poem = "\n".join(poem)
        return Exchange(
            f"请以《{filled(row, 'title').strip()}》为题，写一首现代诗。", text_field({"content": poem}, "content")
        )
