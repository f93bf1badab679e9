"""The data recipes pointed at files on this disk: real samples in each set's schema, generated rows for the rest."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tests.data import hub_files as hub
from tests.data.hub_files import Row
from tests.data.stages import real

from zhiyin.records.conversation import Conversation

WORDINGS = {
    "zh-en": "请将以下中文翻译成英文：\n\n",
    "en-zh": "请将以下英文翻译成中文：\n\n",
    "story": "请根据以下提示生成一个故事：\n\n",
    "classical": "请将以下文言文翻译成现代文：\n\n",
}


@dataclass(frozen=True)
class Samples:
    """Real records of document 002's stages; none where the real data is not."""

    records: tuple[Conversation, ...]

    @classmethod
    def read(cls, folder: Path) -> "Samples":
        return cls(tuple(chain.from_iterable(real(stage, folder / f"real{stage}") for stage in (1, 2, 3))))

    def pairs(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield question and answer of each record of a kind."""
        for record in self.records:
            if record.kind == kind:
                yield record.messages[-2].content, record.messages[-1].content

    def belle(self) -> Iterator[Row]:
        return ({"instruction": asked, "input": "", "output": said} for asked, said in self.pairs("instruction"))

    def news(self) -> Iterator[Row]:
        """Yield each pair in the form of the hub, whichever way it was asked."""
        for asked, said in self.pairs("translation"):
            way = "zh-en" if asked.startswith(WORDINGS["zh-en"]) else "en-zh"
            halves = (asked.removeprefix(WORDINGS[way]), said)
            zh, en = halves if way == "zh-en" else halves[::-1]
            yield {"id": "0", "translation": {"en": en, "zh": zh}}

    def answers(self) -> Iterator[Row]:
        for asked, said in self.pairs("dialogue"):
            yield {"question": asked, "human_answers": ["嗯"], "chatgpt_answers": [said]}

    def stories(self) -> Iterator[Row]:
        for asked, said in self.pairs("story_generation"):
            yield {"kind": hub.STORIES, "input": asked.removeprefix(WORDINGS["story"]), "target": said}

    def modern(self) -> Iterator[Row]:
        for asked, said in self.pairs("modern_poetry_creation"):
            yield {"uuid": "0", "prompt": asked, "response": said}

    def ancient(self) -> Iterator[Row]:
        for asked, said in self.pairs("ancient_poetry_creation"):
            if found := re.fullmatch(r"请根据以下题目：(.*)，(.*)。", asked, re.DOTALL):
                yield {"instruction": found[2], "context": found[1], "response": said}

    def history(self) -> Iterator[Row]:
        for asked, said in self.pairs("classical_translation"):
            yield {"inputs": asked.removeprefix(WORDINGS["classical"]), "truth": said}

    def translated(self) -> Iterator[Row]:
        for row in self.belle():
            yield {f"trans_{name}": text for name, text in row.items()}


def stage_files(folder: Path, sizes: Mapping[str, int]) -> list[str]:
    """Write the eight sets of document 002, each of the given size, and return the overrides that point at them."""
    known = Samples.read(folder)

    def of(name: str, samples: Iterator[Row]) -> Iterator[Row]:
        rows = list(samples)[: sizes[name] // 2]
        return chain(rows, hub.rows(getattr(hub, name), sizes[name] - len(rows)))

    stories = list(known.stories())[: sizes["stories"] // 2]
    missing = sizes["stories"] - len(stories)
    files = {
        "belle": hub.lines(folder / "Belle_open_source_1M.json", of("belle", known.belle())),
        "alpaca": hub.lines(folder / "Alpaca_data_gpt4_zh.jsonl", of("alpaca", iter(()))),
        "news": hub.parquet(folder / "en-zh" / "train.parquet", of("news", known.news())),
        "answers": hub.lines(folder / "all.jsonl", of("answers", known.answers())),
        "stories": hub.lines(
            folder / "firefly-train-1.1M.jsonl", chain(stories, hub.rows(hub.story, missing), hub.rows(hub.task, 500))
        ),
        "modern": hub.lines(folder / "training_imagery2_maxlen256.json", of("modern", known.modern())),
        "ancient": hub.array(folder / "train.json", of("ancient", known.ancient())),
        "history": hub.lines(folder / "history_train.jsonl", of("history", known.history())),
    }
    return pointed(files)


def chain_files(folder: Path, sizes: Mapping[str, int]) -> list[str]:
    """Write the sets of document 003's chain, and return the overrides that point at them."""
    known = Samples.read(folder)
    old = [{"kind": "BELLE", "input": asked, "target": said} for asked, said in known.pairs("instruction")]
    old += known.stories()
    old = old[: sizes["firefly"] // 2]
    translated = list(known.translated())[: sizes["translated"] // 2]
    # The real rows are spread over the file, for document 003 cut it in its order.
    firefly = [*old, *hub.rows(hub.task, sizes["firefly"] - len(old))]
    step = next(step for step in range(len(firefly) // 3, len(firefly)) if len(firefly) % step)
    files = {
        "firefly": hub.lines(folder / "firefly-train-1.1M.jsonl", _spread(firefly, step)),
        "values": hub.array(
            folder / "human_value_alignment_instructions_part1.json", hub.rows(hub.values, sizes["values"])
        ),
        "translated": hub.lines(
            folder / "translated_instructions.jsonl",
            chain(translated, hub.rows(hub.translated, sizes["translated"] - len(translated))),
        ),
    }
    psyqa = hub.array(folder / "PsyQA_full.json", hub.rows(hub.counselling, sizes["counselling"]))
    return [f"psyqa={psyqa}", *pointed(files)]


def _spread(rows: list[Row], step: int) -> Iterator[Row]:
    order = sorted(range(len(rows)), key=lambda place: (place * step) % len(rows))
    return (rows[place] for place in order)


def pointed(files: Mapping[str, Path]) -> list[str]:
    """Return the overrides by which collect steps read these files in place of the hub's."""
    return [
        word
        for label, file in files.items()
        for word in (f"{label}.source.hub=null", f"{label}.source.files=['{file}']")
    ]
