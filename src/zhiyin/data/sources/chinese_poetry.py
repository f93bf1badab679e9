"""Classical poems as instructions: write one to a title or tune, go on with one, say who wrote it.

Home: https://github.com/chinese-poetry/chinese-poetry.
Licence: MIT (the collection); the poems are in the public domain.
Size: about 55,000 Tang and 260,000 Song shi, 21,000 ci, 11,000 qu, and smaller collections.
Schema: arrays of {title or rhythmic or chapter, author?, and the lines as paragraphs, content or para}. Tang and Song
shi are in traditional characters, the others in simplified ones; both are left as they are.

>>> source = ChinesePoetry(files=["."], tasks=["author"])
>>> record = source.record(Row("唐诗.json:1", {
...     "title": "靜夜思", "author": "李白", "paragraphs": ["牀前看月光，疑是地上霜。", "舉頭望山月，低頭思故鄉。"],
... }))
>>> record.kind, record.messages[1].content
('poetry_author', '这首五言绝句的作者是李白。')
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from zhiyin.artifacts import ConversationSet
from zhiyin.data.files import FileRows
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sampling import rank
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, text_field
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.licence import Licence

Task = Literal["write", "continue", "author"]

WRITE = (
    "请以《{title}》为题，写一首{form}。",
    "写一首{form}，题目是《{title}》。",
    "试作{form}一首，题为《{title}》。",
)
FILL = ("请用词牌《{title}》填一首词。", "以《{title}》为词牌作词一首。", "按《{title}》的格律填词。")
CONTINUE = (
    "请续写下面这首{form}：\n{head}",
    "这首{form}只有前半，请接着写完：\n{head}",
    "给出这首{form}余下的部分：\n{head}",
)
AUTHOR = (
    "下面这首{form}是谁写的？\n{poem}",
    "请说出这首{form}的作者：\n{poem}",
    "“{first}”一首{form}出自谁的笔下？\n{poem}",
)

UNKNOWN = ("", "不詳", "不详", "无名氏", "無名氏", "佚名")
DAMAGE = re.compile(r"[□()（）\[\]［］〔〕{}<>]")
"""A lost character, or a mark that an editor left in the text."""

REGULAR = {(5, 4): "五言绝句", (7, 4): "七言绝句", (5, 8): "五言律诗", (7, 8): "七言律诗"}


@dataclass(frozen=True)
class Poem:
    """A poem, whatever its collection calls its parts."""

    title: str
    author: str
    lines: tuple[str, ...]
    genre: Literal["诗", "词", "曲"]
    """A ci has the name of its tune for a title."""

    @property
    def form(self) -> str:
        """What it is called; a regular poem is told by the number and length of its verses."""
        if self.genre != "诗":
            return self.genre
        verses = [verse for line in self.lines for verse in re.split("[，。？！；：、]", line) if verse]
        lengths = {len(verse) for verse in verses}
        return REGULAR.get((min(lengths), len(verses)), "诗") if len(lengths) == 1 else "诗"


class ChinesePoetry(FileRows, Source):
    """Rows of poems, each made into one instruction."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://github.com/chinese-poetry/chinese-poetry"
    licence: ClassVar = Licence("MIT", commercial=True, terms="The poems are in the public domain.")
    size: ClassVar = "about 55,000 Tang and 260,000 Song shi, 21,000 ci, 11,000 qu"
    verified: ClassVar = True
    expects: ClassVar = ("paragraphs|content|para",)
    optional: ClassVar = ("title", "rhythmic", "chapter", "author", "dynasty")

    tasks: tuple[Task, ...] = Field(default=("write", "continue", "author"), min_length=1)
    """The tasks to make; a hash of the id chooses one that suits the poem."""

    def record(self, row: Row) -> Conversation:
        """Return the poem as one question and answer."""
        poem, key = _poem(row.value), self.identify(row)
        fitting = [task for task in self.tasks if _fits(task, poem)]
        if not fitting:
            raise BadRow(f"the poem suits none of the tasks {', '.join(self.tasks)}")
        task = fitting[rank(0, "poetry task", key) % len(fitting)]
        question, answer = _exchange(task, poem, rank(0, "poetry wording", key))
        turns = conversation([Message("user", question), Message("assistant", answer)])
        return Conversation(key, turns, self.data_set, f"poetry_{task}", {"title": poem.title, "author": poem.author})


def _poem(value: Mapping[str, Any]) -> Poem:
    lines = next((value[name] for name in ("paragraphs", "content", "para") if name in value), None)
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise BadRow("no lines in 'paragraphs', 'content' or 'para'")
    kept = tuple(line.strip() for line in lines if line.strip())
    if not kept:
        raise BadRow("a poem without lines")
    title = next((text_field(value, name) for name in ("rhythmic", "title", "chapter") if name in value), "")
    if not title.strip():
        raise BadRow("a poem without a title")
    if DAMAGE.search("".join((title, *kept))):
        raise BadRow("lost characters or an editor's marks in the text")
    author = text_field(value, "author", "").strip()
    genre: Literal["诗", "词", "曲"] = "词" if "rhythmic" in value else "曲" if value.get("dynasty") == "yuan" else "诗"
    return Poem(title.strip(), "" if author in UNKNOWN else author, kept, genre)


def _fits(task: Task, poem: Poem) -> bool:
    if task == "author":
        return bool(poem.author)
    return task == "write" or len(poem.lines) > 1


def _exchange(task: Task, poem: Poem, chance: int) -> tuple[str, str]:
    """Return question and answer; `chance` chooses the wording."""
    whole, half = "\n".join(poem.lines), len(poem.lines) // 2
    if task == "write":
        wording, answer = (FILL if poem.genre == "词" else WRITE), whole
    elif task == "continue":
        wording, answer = CONTINUE, "\n".join(poem.lines[half:])
    else:
        wording, answer = AUTHOR, f"这首{poem.form}的作者是{poem.author}。"
    parts = {
        "title": poem.title,
        "form": poem.form,
        "head": "\n".join(poem.lines[:half]),
        "first": re.split("[，。？！；：、]", poem.lines[0])[0],
        "poem": whole,
    }
    return wording[chance % len(wording)].format(**parts), answer
