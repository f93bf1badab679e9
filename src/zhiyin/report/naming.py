"""What the columns of a page are called: by their model, and by more only where that leaves two the same."""

from collections.abc import Iterable, Mapping, Sequence

from zhiyin.artifacts import CompletionSet, ScoreSet
from zhiyin.execution.artifact import Artifact
from zhiyin.report.history import ALONE, Runs, answerer, distinct, parent

Forms = Sequence[str]
"""Names for one thing, the plainest first."""


def labels(artifacts: Iterable[Artifact], runs: Runs) -> dict[str, str]:
    """Return a label for each artifact, by folder, that no other one has."""
    return distinct({artifact.path.name: artifact.manifest for artifact in artifacts}, runs)


def column_names(sets: Sequence[ScoreSet], runs: Runs = ALONE) -> dict[str, str]:
    """Name each score set's column by its model, adding runs and labels only until no two fall into one cell."""
    completions = {one.path.name: parent(one, "completions") for one in sets}
    answers, own = _forms(list(completions.values()), runs), labels(sets, runs)
    forms = {
        one: (*answers[asked.path.name], f"{answers[asked.path.name][-1]} · {own[one]}")
        for one, asked in completions.items()
    }
    cells = {one.path.name: one.manifest.inputs["prompts"] for one in sets}
    return _shortest(forms, cells, {one: answerer(asked).path.name for one, asked in completions.items()})


def answer_names(answers: Sequence[CompletionSet], runs: Runs = ALONE) -> dict[str, str]:
    """Name the answers to one prompt set by their model, adding runs and labels only until no two are the same."""
    models = {one.path.name: answerer(one).path.name for one in answers}
    return _shortest(_forms(answers, runs), dict.fromkeys(models, ""), models)


def _forms(answers: Sequence[Artifact], runs: Runs) -> dict[str, Forms]:
    """Return for each set of answers the name of its model; with the runs of the answers; with their label."""
    models, own = labels((answerer(one) for one in answers), runs), labels(answers, runs)
    forms: dict[str, Forms] = {}
    for one in answers:
        model = answerer(one)
        label = models[model.path.name]
        ran = runs.named(one.path.name, model.manifest.label)
        forms[one.path.name] = (label, ran, f"{label} · {own[one.path.name]}")
    return forms


def _shortest(forms: Mapping[str, Forms], cells: Mapping[str, str], models: Mapping[str, str]) -> dict[str, str]:
    """Return the first form under which no two share a cell, and none stands for two models."""
    chosen: dict[str, str] = {}
    for number in range(max(map(len, forms.values()), default=0)):
        chosen = {folder: names[number] for folder, names in forms.items()}
        filled = {(name, cells[folder]) for folder, name in chosen.items()}
        meant = {(name, models[folder]) for folder, name in chosen.items()}
        if len(filled) == len(chosen) and len(meant) == len(set(chosen.values())):
            break
    return chosen
