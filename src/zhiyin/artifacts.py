"""The kinds of folder that pass between rooms. A room writes one and another reads it; neither knows the other."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import msgspec
from msgspec import Struct

from zhiyin.execution.artifact import Artifact
from zhiyin.records import jsonl
from zhiyin.records.contamination import Hit
from zhiyin.records.conversation import Conversation, Document
from zhiyin.records.inspection import Lengths, Shown
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.review import Findings
from zhiyin.records.reward import Reward
from zhiyin.records.score import Comparison, Flip, Mark, Overview, Ruling, Score

R = TypeVar("R", bound=Struct)

RECORDS = "records.jsonl"
REJECTED = "rejected.jsonl"
HITS = "hits.jsonl"
REWARDS = "rewards.jsonl"


class RecordSet(Artifact, Generic[R]):
    """Typed records, and the rows that did not become one."""

    record_type: ClassVar[type[Struct]]

    def __iter__(self) -> Iterator[R]:
        """Yield the records in order."""
        return cast("Iterator[R]", jsonl.read(self.path / RECORDS, self.record_type))

    @property
    def rejected(self) -> Iterator[Rejected]:
        """Yield the rows set aside, with their reasons."""
        return jsonl.read(self.path / REJECTED, Rejected)

    @classmethod
    def write(cls, out: Path, records: Iterable[R], rejected: Iterable[Rejected] = ()) -> Self:
        """Write records, then the rejected rows (read last, so a generator may fill the list while it yields).

        The summary counts records, by source, by kind, and rejections by reason.
        """
        sources, kinds, reasons = Counter[str](), Counter[str](), Counter[str]()

        def tally(some: list[R]) -> None:
            sources.update([getattr(record, "source", "") for record in some])
            kinds.update([getattr(record, "kind", "") for record in some])

        def tally_rejected(some: list[Rejected]) -> None:
            reasons.update([row.reason for row in some])

        count = jsonl.write(out / RECORDS, records, tally)
        jsonl.write(out / REJECTED, rejected, tally_rejected)
        summary = {
            "records": count,
            "sources": dict(sources.most_common()),
            "kinds": dict(kinds.most_common()),
            "rejected": dict(reasons.most_common()),
        }
        return cls(out, summary)


class TextSet(RecordSet[Document]):
    """Plain documents."""

    record_type = Document


class ConversationSet(RecordSet[Conversation]):
    """Instruction data and dialogues."""

    record_type = Conversation


class PreferenceSet(RecordSet[Preference]):
    """Pairs of a better and a worse answer."""

    record_type = Preference


class Table(Artifact):
    """Records as one Parquet file, for tools outside."""

    file: ClassVar[str] = "records.parquet"


class PromptSet(Artifact):
    """Questions of one benchmark; `manifest.config["benchmark"]` says which, and how its answers are marked."""

    def __iter__(self) -> Iterator[Prompt]:
        """Yield the prompts in order."""
        return jsonl.read(self.path / RECORDS, Prompt)

    @classmethod
    def write(cls, out: Path, prompts: Iterable[Prompt]) -> "PromptSet":
        """Write prompts; the summary counts them by group."""
        groups: Counter[str] = Counter()

        def counted() -> Iterator[Prompt]:
            for prompt in prompts:
                groups[prompt.group] += 1
                yield prompt

        count = jsonl.write(out / RECORDS, counted())
        return cls(out, {"prompts": count, "groups": dict(groups)})


class CompletionSet(Artifact):
    """One model's answers to one or more prompt sets, a file for each."""

    def of(self, prompts: PromptSet) -> Iterator[Completion]:
        """Yield the answers to that prompt set; raises `ValueError` if it was not asked."""
        return jsonl.read(self.path / f"{self._name_of(prompts)}.jsonl", Completion)

    def _name_of(self, prompts: PromptSet) -> str:
        asked = {folder: name for name, folder in self.manifest.inputs.items() if name.startswith("prompts.")}
        if prompts.path.name not in asked:
            raise ValueError(f"{self.path} holds no answers to {prompts.path}; it answered {sorted(asked)}")
        return asked[prompts.path.name].removeprefix("prompts.")


class RewardScores(Artifact):
    """What each answer of a completion set is worth; an answer that could not be rated is missing."""

    def __iter__(self) -> Iterator[Reward]:
        """Yield the rewards in the order of the answers."""
        return jsonl.read(self.path / REWARDS, Reward)

    @classmethod
    def write(cls, out: Path, rewards: Iterable[Reward], **facts: Any) -> "RewardScores":
        """Write the rewards; the summary counts them, beside other facts."""
        return cls(out, {"rewards": jsonl.write(out / REWARDS, rewards), **facts})


class ScoreSet(Artifact):
    """Marks of every answer, and the scores they add up to."""

    @property
    def overview(self) -> Overview:
        """The summary of a finished score set."""
        return _typed(self, Overview)

    @property
    def marks(self) -> Iterator[Mark]:
        """Yield the marks, item by item."""
        return jsonl.read(self.path / "marks.jsonl", Mark)

    @property
    def scores(self) -> Iterator[Score]:
        """Yield the scores: of the whole benchmark first, then of each group."""
        return jsonl.read(self.path / "scores.jsonl", Score)


class Verdict(Artifact):
    """The paired comparison of two score sets, and whether it is what was expected."""

    @property
    def ruling(self) -> Ruling:
        """The summary of a finished verdict."""
        return _typed(self, Ruling)

    @property
    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparison of each measure asked for."""
        return jsonl.read(self.path / "comparisons.jsonl", Comparison)

    @property
    def groups(self) -> Iterator[Comparison]:
        """Yield the same of each category and group, where there are several."""
        return jsonl.read(self.path / "groups.jsonl", Comparison)

    @property
    def flips(self) -> Iterator[Flip]:
        """Yield the items of right-or-wrong measures that changed."""
        return jsonl.read(self.path / "flipped.jsonl", Flip)


class Contamination(Artifact):
    """Which records quote a question of a benchmark; nothing was taken away."""

    @property
    def hits(self) -> Iterator[Hit]:
        """Yield every quotation found, by record set, record and prompt set."""
        return jsonl.read(self.path / HITS, Hit)


class Review(Artifact):
    """What a judge said of several systems: `totals.md`, `totals.csv`, `review.json`, and a sheet for people."""

    @property
    def findings(self) -> Findings:
        """The summary of a finished review."""
        return _typed(self, Findings)


class Tokenizer(Artifact):
    """`tokenizer.json`, `tokenizer_config.json` with the Jinja chat template, and `template.json` that names ours."""


class Checkpoint(Artifact):
    """A Hugging Face model folder with its tokenizer; `from_pretrained` opens it."""


class Adapter(Artifact):
    """A PEFT adapter folder (`adapter_model.safetensors`, `adapter_config.json`) with tokenizer and curve."""

    @property
    def base(self) -> Path:
        """The folder of the checkpoint it was trained on."""
        inputs, store = self.manifest.inputs, self.path.parent
        # One that was made from another adapter, not by training, lies on that adapter's checkpoint.
        return store / inputs["model"] if "model" in inputs else Adapter(store / inputs["adapter"]).base


class ReferenceLogProbs(Artifact):
    """Log-probabilities of preference pairs under a model, in `reference.safetensors`."""


class Inspection(Artifact):
    """Records as tokens: `lengths.jsonl`, `samples.jsonl`, and both to look at in `inspection.html`."""

    telemetry = ("telemetry/*", "*.html")

    @property
    def lengths(self) -> Iterator[Lengths]:
        """Yield the lengths by template, set, source and kind."""
        return jsonl.read(self.path / "lengths.jsonl", Lengths)

    @property
    def samples(self) -> Iterator[Shown]:
        """Yield the records that are shown token by token."""
        return jsonl.read(self.path / "samples.jsonl", Shown)


class Page(Artifact):
    """A report: `page.html`, and `items.html` with every answer.

    It shows seconds and memory, so all of it is telemetry.
    """

    telemetry = ("*",)


def _typed(artifact: Artifact, kind: type[R]) -> R:
    """Return the summary of a finished artifact; raises `ValueError` for one of another shape."""
    try:
        return msgspec.convert(artifact.manifest.summary, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{artifact.path}: its summary is not of the type {kind.__name__}: {error}") from error


class CurvePoint(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one optimiser step measured; a line of `curve.jsonl` in a `Checkpoint` or `Adapter` that was trained."""

    step: int
    split: str
    """`train`, or `held_out`."""
    values: dict[str, float]
    """`loss`, `learning_rate`, `grad_norm`, `rewards/accuracies`, `rewards/margins`, ..."""


def curve(artifact: Artifact) -> list[CurvePoint]:
    """Return the training curve of a checkpoint or adapter; empty for one that was not trained here."""
    file = artifact.path / "curve.jsonl"
    return list(jsonl.read(file, CurvePoint)) if file.exists() else []


def write_json(path: Path, value: object) -> None:
    """Write a JSON file the same way every time."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
