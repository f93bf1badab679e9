"""What a page shows, read back from its manifest, so that another page can show it beside other runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from zhiyin.artifacts import CompletionSet, Page, Review, ScoreSet, Verdict
from zhiyin.execution.artifact import Artifact

A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True)
class Shown:
    """The artifacts that a page is made from, by what they are to it."""

    data: tuple[Artifact, ...]
    models: tuple[Artifact, ...]
    scores: tuple[ScoreSet, ...]
    verdicts: tuple[Verdict, ...]
    answers: tuple[CompletionSet, ...]
    reviews: tuple[Review, ...]

    @property
    def roots(self) -> tuple[Artifact, ...]:
        """All of them."""
        return (*self.data, *self.models, *self.scores, *self.verdicts, *self.answers, *self.reviews)

    @classmethod
    def by(cls, page: Page) -> "Shown":
        """Read what a finished page shows; of a page about several runs, what each of them shows as well."""
        return cls(
            data=tuple(_read(page, "data", Artifact)),
            models=tuple(_read(page, "models", Artifact)),
            scores=tuple(_read(page, "scores", ScoreSet)),
            verdicts=tuple(_read(page, "verdicts", Verdict)),
            answers=tuple(_read(page, "answers", CompletionSet)),
            reviews=tuple(_read(page, "reviews", Review)),
        ).beside([cls.by(run) for run in runs_of(page).values()])

    def beside(self, others: Sequence["Shown"]) -> "Shown":
        """Return these artifacts and then those of the others, each once."""
        every = (self, *others)
        return Shown(
            data=_once(one for shown in every for one in shown.data),
            models=_once(one for shown in every for one in shown.models),
            scores=_once(one for shown in every for one in shown.scores),
            verdicts=_once(one for shown in every for one in shown.verdicts),
            answers=_once(one for shown in every for one in shown.answers),
            reviews=_once(one for shown in every for one in shown.reviews),
        )


def runs_of(page: Page) -> Mapping[str, Page]:
    """Return the pages of the runs that a page compares, by name; none for a page about a single recipe."""
    return {name: Page(folder) for name, folder in _inputs(page, "runs").items()}


def _read(page: Page, name: str, kind: type[A]) -> Iterator[A]:
    return (kind(folder) for folder in _inputs(page, name).values())


def _inputs(page: Page, name: str) -> dict[str, Path]:
    """Return the folders of one mapping of inputs, by key."""
    inputs = page.manifest.inputs.items()
    return {
        key.removeprefix(f"{name}."): page.path.parent / folder for key, folder in inputs if key.startswith(f"{name}.")
    }


def _once(artifacts: Iterator[A]) -> tuple[A, ...]:
    return tuple({one.path.name: one for one in artifacts}.values())
