"""Every prompt with every model's answer and its marks, packed for the page on which they are browsed."""

import base64
import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from zhiyin.artifacts import CompletionSet, PromptSet, ScoreSet, Verdict
from zhiyin.execution.artifact import Artifact
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark
from zhiyin.report.answers import picked_choice
from zhiyin.report.history import ALONE, Runs, answerer, distinct, parent
from zhiyin.report.naming import column_names
from zhiyin.report.summary import protocol

MOST_BYTES = 128 * 2**20
"""Bytes of prompts, answers and marks of one benchmark that are packed at most; a browser opens them all at once."""
DIGITS = 4
"""Decimals of a log-probability."""


class Reply(Struct, frozen=True, omit_defaults=True):
    """One sample of an answer."""

    text: str = ""
    logprobs: tuple[float, ...] = ()
    picked: int | None = None
    """Index of the choice that counts as picked."""
    stopped: str = ""
    truncated: bool = False
    trace: str | None = None


class Marked(Struct, frozen=True, omit_defaults=True):
    """What one measure says of an answer: the value of all its samples together, as comparisons take it."""

    value: float
    read: tuple[str | None, ...]
    """What was read out of each sample; None where nothing could be."""


class Answer(Struct, frozen=True, omit_defaults=True):
    """One model's answer to one prompt."""

    replies: tuple[Reply, ...]
    marks: dict[str, Marked] = {}


class Item(Struct, frozen=True, omit_defaults=True):
    """A prompt with the answer of each column; None for a model that was not asked."""

    id: str
    answers: tuple[Answer | None, ...]
    group: str = ""
    messages: tuple[Message, ...] = ()
    text: str | None = None
    choices: tuple[str, ...] = ()
    reference: str = ""


class Column(Struct, frozen=True):
    """One model's answers to one prompt set, under the marks of one score set."""

    folder: str
    """The score set's; the completion set's where nothing marks the answers."""
    model: str
    measures: tuple[str, ...]
    completions: str
    """Folder of the answers."""


class Exam(Struct, frozen=True):
    """A prompt set and who answered it: all that the page needs before its items are unpacked."""

    folder: str
    label: str
    protocol: str
    total: int
    columns: tuple[Column, ...]
    missing: str
    """Why the items are not on the page: `gone` from the store, or too `large`; empty when they are there."""


@dataclass(frozen=True)
class Packed:
    """An exam with its items as gzipped JSON in base64; empty when they are missing."""

    exam: Exam
    items: str


@dataclass(frozen=True)
class _Source:
    """Where a column comes from."""

    model: str
    completions: CompletionSet
    scores: ScoreSet | None

    @property
    def folder(self) -> str:
        return (self.scores or self.completions).path.name


def packed_exams(
    answers: Iterable[CompletionSet], scores: Iterable[ScoreSet], verdicts: Iterable[Verdict], runs: Runs = ALONE
) -> list[Packed]:
    """Return every prompt set that was asked, by label, each with all its items; models least derived first."""
    judged = [ScoreSet(parent(verdict, side).path) for verdict in verdicts for side in ("before", "after")]
    marked = list({one.path.name: one for one in (*scores, *judged)}.values())
    given = [*answers, *(CompletionSet(parent(one, "completions").path) for one in marked)]
    asked = {one.path.name: one for one in given}
    sources = _sources(list(asked.values()), marked, runs)
    store = next(iter(asked.values())).path.parent if asked else None
    if store is None:
        return []
    labels = distinct({folder: Artifact(store / folder).manifest for folder in sources}, runs)
    ordered = sorted(sources, key=labels.__getitem__)
    return [_exam(PromptSet(store / folder), labels[folder], sources[folder]) for folder in ordered]


def pack(items: Iterable[Item]) -> str:
    """Return the items as base64 of gzipped JSON; the same items give the same text."""
    return base64.b64encode(gzip.compress(msgspec.json.encode(list(items)), compresslevel=9, mtime=0)).decode("ascii")


def _sources(asked: Sequence[CompletionSet], marked: Sequence[ScoreSet], runs: Runs) -> dict[str, list[_Source]]:
    """Return the columns of each prompt set: one for each score set, and for answers that no score set marks."""
    ages = {one.path.name: sum(1 for _ in answerer(one).lineage) for one in asked}
    models = distinct({answerer(one).path.name: answerer(one).manifest for one in asked}, runs)
    names = column_names(marked, runs)
    found: dict[str, list[_Source]] = {}
    for one in sorted(asked, key=lambda one: (ages[one.path.name], one.manifest.label)):
        inputs = one.manifest.inputs
        for prompts in dict.fromkeys(folder for name, folder in inputs.items() if name.startswith("prompts.")):
            pair = {"prompts": prompts, "completions": one.path.name}
            held = [score for score in marked if pair.items() <= score.manifest.inputs.items()]
            columns = [_Source(names[score.path.name], one, score) for score in held]
            plain = _Source(models[answerer(one).path.name], one, None)
            found.setdefault(prompts, []).extend(columns or [plain])
    return found


def _exam(prompts: PromptSet, label: str, sources: Sequence[_Source]) -> Packed:
    manifest = prompts.manifest
    missing = "large" if _size(prompts, sources) > MOST_BYTES else ""
    columns, items = [Column(one.folder, one.model, (), one.completions.path.name) for one in sources], ""
    if not missing:
        try:
            rows = [_column(prompts, source) for source in sources]
            items = pack(_items(prompts, rows))
            columns = [
                Column(one.folder, one.model, _measures(row), one.completions.path.name)
                for one, row in zip(sources, rows, strict=True)
            ]
        except FileNotFoundError:
            missing = "gone"
    how = protocol(manifest.config.get("benchmark", {}))
    total = int(manifest.summary["prompts"])
    return Packed(Exam(prompts.path.name, label, how, total, tuple(columns), missing), items)


def _size(prompts: PromptSet, sources: Sequence[_Source]) -> int:
    """Return the bytes on disk, by the manifests; a file of answers counts once, whatever marks it."""
    held = {one.path: one for source in sources for one in (source.completions, source.scores) if one}
    return sum(record.size for one in (prompts, *held.values()) for record in one.manifest.files.values())


def _column(prompts: PromptSet, source: _Source) -> dict[str, Answer]:
    """Return the answers of one column, by prompt id."""
    marks: dict[str, dict[str, list[Mark]]] = {}
    for mark in source.scores.marks if source.scores else ():
        marks.setdefault(mark.prompt_id, {}).setdefault(mark.measure, []).append(mark)
    given: dict[str, list[Completion]] = {}
    for completion in source.completions.of(prompts):
        given.setdefault(completion.prompt_id, []).append(completion)
    return {
        prompt.id: answer_of(prompt, given[prompt.id], marks.get(prompt.id, {}))
        for prompt in prompts
        if prompt.id in given
    }


def answer_of(prompt: Prompt, given: Sequence[Completion], marks: Mapping[str, Sequence[Mark]]) -> Answer:
    """Return one model's answer with all its samples, and every measure's value of them together."""
    ordered = sorted(given, key=lambda completion: completion.sample)
    replies = []
    for number, one in enumerate(ordered):
        here = [same[number] for same in marks.values() if number < len(same)]
        logprobs = tuple(round(value, DIGITS) for value in one.choice_logprobs)
        picked = picked_choice(prompt, one, here)
        replies.append(Reply(one.text, logprobs, picked, one.stopped, one.truncated, one.trace))
    return Answer(tuple(replies), {measure: _marked(same) for measure, same in marks.items()})


def _marked(same: Sequence[Mark]) -> Marked:
    """Add samples up as comparisons do: mean value over mean weight."""
    value = (sum(mark.value for mark in same) / len(same)) / (sum(mark.weight for mark in same) / len(same))
    return Marked(value, tuple(mark.extracted for mark in same))


def _items(prompts: PromptSet, columns: Sequence[Mapping[str, Answer]]) -> Iterator[Item]:
    for one in prompts:
        answers = tuple(column.get(one.id) for column in columns)
        yield Item(one.id, answers, one.group, one.messages, one.text, one.choices, one.reference)


def _measures(answers: Mapping[str, Answer]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(measure for answer in answers.values() for measure in answer.marks))
