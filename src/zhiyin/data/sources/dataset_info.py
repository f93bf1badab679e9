"""An entry of LLaMA-Factory's `dataset_info.json`, read as LLaMA-Factory reads it.

Home: https://github.com/hiyouga/LLaMA-Factory, `data/README.md`.
Licence: each data set has its own; say it in `licence`.
Size: any.
Schema: `formatting: alpaca` ({prompt, query, response, system, history} under the names in `columns`) or `sharegpt`
(turns in `messages`, named by `tags`); with `ranking`, `chosen` and `rejected` besides; with a `prompt` and no
`response`, plain text. Of an entry with `columns`, no other columns are read. An entry for answers marked one by one
(`kto_tag`), or with tools or pictures, is refused. `num_samples` rows are drawn by a hash of their ids, each once. An
entry with a `file_name` is read from there; for one in a repository, `hub` says the commit and the files of its part.

>>> entry = convert({"formatting": "sharegpt", "tags": {"user_tag": "user"}}, Entry)
>>> row = {"conversations": [{"from": "user", "value": "你好"}, {"from": "gpt", "value": "你好！"}]}
>>> [(message.role, message.content) for message in turns(row, entry)]
[('user', '你好'), ('assistant', '你好！')]
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from heapq import nsmallest
from pathlib import Path
from typing import Any, ClassVar, Self

from msgspec import convert as convert
from pydantic import ValidationInfo, model_validator

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.data import formats
from zhiyin.data.alpaca import Names, question
from zhiyin.data.dataset_info import Columns, Entry, read_entry
from zhiyin.data.files import AnyFiles, SourceFile
from zhiyin.data.preferences import Pair, preference
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sampling import rank
from zhiyin.data.sources import Record, Source
from zhiyin.data.tagged import Tags
from zhiyin.data.turns import conversation, present, text_field
from zhiyin.data.units import units
from zhiyin.execution.config import InputPath
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.jsonl import Rejected


class DatasetInfo(AnyFiles, Source):
    """Rows as the entry says."""

    home: ClassVar = "https://github.com/hiyouga/LLaMA-Factory"
    size: ClassVar = "any"
    verified: ClassVar = True
    usual: ClassVar = ("*.txt", *AnyFiles.usual)

    file: InputPath
    """The `dataset_info.json`; the files of its entries lie beside it."""
    entry: str
    """The name of the entry."""

    @model_validator(mode="before")
    @classmethod
    def _beside(cls, given: Any) -> Any:
        """Find the file of the entry, unless the recipe says where the rows are."""
        if not isinstance(given, dict) or any(given.get(place) for place in ("files", "hub", "modelscope")):
            return given
        if not isinstance(given.get("entry"), str) or not Path(str(given.get("file"))).is_file():
            return given
        file = Path(str(given["file"]))
        found = read_entry(file, given["entry"])
        if found.repository:
            raise ValueError(
                f"the entry {given['entry']!r} lies in the repository {found.repository}; "
                f"under `hub`, give this as `repo`, its commit as `revision`, and as `files` those of {found.part}"
            )
        return {**given, "files": [file.parent / found.file_name]}

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        """Check the entry against the place that is given."""
        if info.context and info.context.get("recorded"):
            return self
        meant = {"hub": self.said.hf_hub_url, "modelscope": self.said.ms_hub_url}
        for place, repository in (("hub", self.hub), ("modelscope", self.modelscope)):
            if repository and repository.repo != meant[place]:
                raise ValueError(
                    f"the entry {self.entry!r} lies in {meant[place] or 'no such place'}, not in {repository.repo}"
                )
        names = self.said.columns
        if self.said.ranking and not (names.chosen and names.rejected):
            raise ValueError(f"the entry {self.entry!r} says `ranking`, but names no columns `chosen` and `rejected`")
        return self

    @cached_property
    def said(self) -> Entry:
        """What the file says."""
        return read_entry(self.file, self.entry)

    @property
    def yields(self) -> type[TextSet] | type[ConversationSet] | type[PreferenceSet]:
        """Pairs, dialogues, or texts where nothing answers."""
        if self.said.ranking:
            return PreferenceSet
        return TextSet if _is_text(self.said) else ConversationSet

    @property
    def data_set(self) -> str:
        """The name of the entry, unless the recipe gives another."""
        return self.label or self.entry

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that a row of this form cannot do without."""
        names = self.said.columns
        asked = names.messages if self.said.formatting == "sharegpt" else names.prompt
        wanted = [asked, *((names.chosen, names.rejected) if self.said.ranking else ())]
        if self.said.formatting == "alpaca" and not self.said.ranking:
            wanted.append(names.response)
        return tuple(name for name in wanted if name)

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield the rows of a file; of a plain text, its lines."""
        plain = file.path.name.lower().endswith(".txt")
        return units(file, "line") if plain else formats.read(file.path, file.shown)

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield the rows, or those that are drawn of them."""
        count = self.said.num_samples
        if count is None:
            yield from super().rows()
            return
        drawn = nsmallest(count, (self._chance(row) for row in super().rows() if isinstance(row, Row)))
        for row in super().rows():
            if isinstance(row, Rejected) or self._chance(row) <= drawn[-1]:
                yield row

    def record(self, row: Row) -> Record:
        """Return the row as the record that the entry describes."""
        names, key = self.said.columns, self.identify(row)
        found = turns(row.value, self.said)
        if self.said.ranking:
            chosen, rejected = (_side(row.value, name, self.said) for name in (names.chosen, names.rejected))
            return preference(key, Pair(found, chosen, rejected), self.data_set, self.kind)
        if _is_text(self.said):
            if not found[-1].content.strip():
                raise BadRow("an empty text")
            return Document(key, found[-1].content, self.data_set, self.kind)
        return Conversation(key, conversation(found), self.data_set, self.kind)

    def _chance(self, row: Row) -> int:
        return rank(0, "num_samples", self.identify(row))


def turns(row: Mapping[str, Any], entry: Entry) -> list[Message]:
    """Return the turns of a row, the answer among them unless it has a pair of them."""
    names = entry.columns
    if entry.formatting == "sharegpt":
        found = Tags(**entry.tags).messages(present(row, names.messages or ""))
        system = text_field(row, names.system, "") if names.system else ""
        return [Message("system", system), *found] if system and found[:1] and found[0].role != "system" else found
    found = question(row, _names(names))
    if names.response and not entry.ranking:
        found.append(Message("assistant", text_field(row, names.response)))
    return found


def _names(names: Columns) -> Names:
    return Names(names.prompt or "", names.query or "", names.system or "", names.history or "")


def _is_text(entry: Entry) -> bool:
    return entry.formatting == "alpaca" and not entry.ranking and not entry.columns.response


def _side(row: Mapping[str, Any], name: str | None, entry: Entry) -> str:
    """Return one of two answers."""
    value = present(row, name or "")
    if entry.formatting == "alpaca":
        return text_field(row, name or "")
    found = Tags(**entry.tags).message(value)
    if found.role != "assistant":
        raise BadRow(f"the {name} answer is a {found.role} turn")
    return found.content
