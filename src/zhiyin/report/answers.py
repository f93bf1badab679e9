"""The same prompt before every model: what each answered, and what its mark says."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from zhiyin.artifacts import CompletionSet, PromptSet, ScoreSet
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark
from zhiyin.report.history import ALONE, Runs, answerer, distinct
from zhiyin.report.naming import answer_names
from zhiyin.report.summary import protocol


@dataclass(frozen=True)
class Reply:
    """One model's answer to one prompt."""

    model: str
    completion: Completion
    marks: tuple[Mark, ...]
    """Empty when no score set marks these answers."""
    picked: int | None
    """Index of the choice it counts as having picked; None for a generated answer."""

    @property
    def right(self) -> bool | None:
        """What the accuracy mark says; None without one, and for a tie."""
        value = next((mark.value for mark in self.marks if mark.measure.endswith("accuracy")), None)
        return None if value not in (0.0, 1.0) else value == 1.0

    @property
    def read(self) -> str | None:
        """What the accuracy mark read out of a generated answer."""
        return next((mark.extracted for mark in self.marks if mark.measure == "accuracy"), None)


@dataclass(frozen=True)
class Question:
    """A prompt with every model's answer."""

    prompt: Prompt
    replies: tuple[Reply, ...]


@dataclass(frozen=True)
class Sheet:
    """Some questions of one prompt set."""

    folder: str
    """The prompt set's."""
    benchmark: str
    protocol: str
    total: int
    """Prompts in the whole set."""
    questions: tuple[Question, ...]
    gone: bool
    """Whether the records are no longer in the store, so that there are no questions to show."""


def sheets(
    answers: Iterable[CompletionSet], scores: Iterable[ScoreSet], samples: int, runs: Runs = ALONE
) -> list[Sheet]:
    """Return a sheet for each prompt set asked, `samples` of its prompts spread evenly, whatever was answered."""
    asked = list({one.path.name: one for one in answers}.values())
    asked.sort(key=lambda one: (sum(1 for _ in answerer(one).lineage), one.manifest.label))
    marked = {(one.manifest.inputs["prompts"], one.manifest.inputs["completions"]): one for one in scores}
    folders = sorted({folder for one in asked for folder in _prompt_folders(one)})
    prompt_sets = [PromptSet(asked[0].path.parent / folder) for folder in folders]
    labels = distinct({one.path.name: one.manifest for one in prompt_sets}, runs)
    found = []
    for prompts in sorted(prompt_sets, key=lambda one: labels[one.path.name]):
        here = [one for one in asked if prompts.path.name in _prompt_folders(one)]
        total = int(prompts.manifest.summary["prompts"])
        how = protocol(prompts.manifest.config.get("benchmark", {}))
        try:
            questions, gone = _questions(prompts, answer_names(here, runs), here, marked, samples), False
        except FileNotFoundError:
            questions, gone = (), True
        found.append(Sheet(prompts.path.name, labels[prompts.path.name], how, total, questions, gone))
    return found


def _prompt_folders(answers: CompletionSet) -> set[str]:
    return {folder for name, folder in answers.manifest.inputs.items() if name.startswith("prompts.")}


def _questions(
    prompts: PromptSet,
    names: Mapping[str, str],
    answers: Sequence[CompletionSet],
    marked: dict[tuple[str, str], ScoreSet],
    samples: int,
) -> tuple[Question, ...]:
    chosen = _spread(prompts, int(prompts.manifest.summary["prompts"]), samples)
    replies = _replies(prompts, names, answers, marked, {prompt.id: prompt for prompt in chosen})
    return tuple(Question(prompt, tuple(replies[prompt.id])) for prompt in chosen)


def _spread(prompts: PromptSet, total: int, samples: int) -> list[Prompt]:
    """Choose by place alone: the middle of each of `samples` equal parts of the set."""
    parts = min(samples, total)
    places = {(2 * number + 1) * total // (2 * parts) for number in range(parts)}
    return [prompt for number, prompt in enumerate(prompts) if number in places]


def _replies(
    prompts: PromptSet,
    names: Mapping[str, str],
    answers: Sequence[CompletionSet],
    marked: dict[tuple[str, str], ScoreSet],
    chosen: dict[str, Prompt],
) -> dict[str, list[Reply]]:
    replies: dict[str, list[Reply]] = {one: [] for one in chosen}
    for one in answers:
        name = names[one.path.name]
        marks = _marks(marked.get((prompts.path.name, one.path.name)), chosen.keys())
        for completion in one.of(prompts):
            if completion.prompt_id in chosen and completion.sample == 0:
                given = tuple(marks.get(completion.prompt_id, ()))
                picked = picked_choice(chosen[completion.prompt_id], completion, given)
                replies[completion.prompt_id].append(Reply(name, completion, given, picked))
    return replies


def picked_choice(prompt: Prompt, completion: Completion, marks: Sequence[Mark]) -> int | None:
    """Return the choice that a mark read, for a benchmark may rank otherwise; without one, the likeliest."""
    scored = completion.choice_logprobs
    if len(scored) < 2:
        return None
    read = next((mark.extracted for mark in marks if mark.extracted in prompt.choices), None)
    return max(range(len(scored)), key=scored.__getitem__) if read is None else prompt.choices.index(read)


def _marks(scores: ScoreSet | None, ids: Set[str]) -> dict[str, list[Mark]]:
    """Return the first mark of each measure, by prompt: that of sample 0, which is the one shown."""
    found: dict[str, list[Mark]] = {}
    for mark in scores.marks if scores else ():
        if mark.prompt_id in ids:
            marks = found.setdefault(mark.prompt_id, [])
            if mark.measure not in {other.measure for other in marks}:
                marks.append(mark)
    return found
