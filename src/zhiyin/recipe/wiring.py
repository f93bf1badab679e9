"""From a recipe file to checked steps. Building them runs nothing, and what is wrong is reported all at once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zhiyin.execution.catalog import nearest
from zhiyin.execution.config import StepConfig
from zhiyin.execution.step import Step, step
from zhiyin.recipe import plain_words, verbs
from zhiyin.recipe.config import SECTIONS, Entry, RecipeFile
from zhiyin.recipe.document import Document, Place
from zhiyin.recipe.lenience import overlooked
from zhiyin.recipe.licences import refusal
from zhiyin.recipe.overrides import override
from zhiyin.recipe.variables import substitute, with_language
from zhiyin.recipe.yaml_file import read

References = Mapping[str, str | Mapping[str, str]]
"""Input name to the label(s) it reads."""


@dataclass(frozen=True)
class Recipe:
    """A recipe that was checked as a whole."""

    title: str
    path: Path
    name: str
    """The file's name without `.yaml`; links to the artifacts go to `runs/<name>/`."""
    steps: dict[str, Step[Any]]
    """Label to step, inputs before the steps that read them."""
    variables: dict[str, Any]
    """As the file and the command line set them."""


@dataclass(frozen=True)
class _Draft:
    """An entry that is right in itself; its inputs are still labels."""

    label: str
    place: Place
    verb: verbs.Verb
    config: StepConfig | None
    """None when it was wrong, which has been noted."""
    references: References

    @property
    def upstream(self) -> list[str]:
        """Every label it reads."""
        flat: list[str] = []
        for value in self.references.values():
            flat.extend([value] if isinstance(value, str) else value.values())
        return flat


def load_recipe(path: Path, overrides: Sequence[str] = (), *, package: str = "zhiyin") -> Recipe:
    """Read a recipe, set overrides and variables, and build its steps.

    Raises `RecipeError` with a line for everything that is wrong. Sections are sub-packages of `package`.
    """
    document = substitute(override(with_language(read(path)), overrides))
    labels = _labels(document)
    shape = _shape(document)
    drafts: dict[str, _Draft] = {}
    for label, place in labels.items():
        entry = _entry(document, place)
        if entry is not None and (draft := _draft(document, place, entry, tuple(labels), package)):
            drafts[label] = draft
            if shape and shape.licences == "commercial" and (message := refusal(draft.config)):
                document.complain((*draft.place, "source"), message)
    looped = _cycles(document, drafts)
    steps: dict[str, Step[Any]] = {}
    for label in drafts:
        _build(document, label, drafts, looped, steps)
    document.settle()
    assert shape is not None, "a shape that is wrong was noted, so `settle` raised"
    return Recipe(shape.title, path, path.stem, steps, dict(shape.variables))


def _shape(document: Document) -> RecipeFile | None:
    """Check everything but what stands inside the entries; notes what is wrong and returns None."""
    try:
        return RecipeFile.model_validate(document.data)
    except ValidationError as error:
        for place, message in plain_words.explain(error, RecipeFile, document.data):
            if place == ("title",) or len(place) != 1 or place[0] not in SECTIONS:
                document.complain(place, message)
            else:
                document.complain(place, f"{message}; a section maps labels to steps")
        return None


def _labels(document: Document) -> dict[str, Place]:
    """Return where each label stands, in the order of the file; a label used twice is noted."""
    places: dict[str, Place] = {}
    for section, entries in document.data.items():
        if section not in SECTIONS or not isinstance(entries, dict):
            continue
        for label in entries:
            if label in places:
                before = places[label]
                message = f"the label {label!r} is taken by {'.'.join(map(str, before))}"
                line = f" on line {document.lines[before]}" if before in document.lines else ""
                document.complain((section, label), f"{message}{line}; give one of them another")
            else:
                places[label] = (section, label)
    return places


def _entry(document: Document, place: Place) -> Entry | None:
    """Return an entry if it has the shape of one; `_shape` has noted what is wrong with another."""
    try:
        return Entry.model_validate(document.data[str(place[0])][place[1]])
    except ValidationError:
        return None


def _draft(document: Document, place: Place, entry: Entry, labels: tuple[str, ...], package: str) -> _Draft | None:
    """Find an entry's step, and check its config and the labels it reads."""
    section = str(place[0])
    known = tuple(verbs.modules(section, package))
    if entry.name not in known:
        document.complain((*place, "name"), _no_verb(section, entry.name, known, package))
        return None
    verb = verbs.load(section, entry.name, package)
    given = {key: value for key, value in entry.settings.items() if key in verb.inputs and value is not None}
    fields = {key: value for key, value in entry.settings.items() if key not in verb.inputs}
    references: dict[str, str | dict[str, str]] = {}
    right = True
    for name, value in given.items():
        found = _reference(document, (*place, name), value, labels)
        right = right and found is not None
        if found is not None:
            references[name] = found
    config = _config(document, place, verb, fields)
    return _Draft(str(place[1]), place, verb, config if right else None, references)


def _no_verb(section: str, name: str, known: tuple[str, ...], package: str) -> str:
    elsewhere = [other for other in SECTIONS if other != section and name in verbs.modules(other, package)]
    moved = f"; {name!r} belongs to the section {elsewhere[0]}" if elsewhere else ""
    return (
        f"no step of {section} is called {name!r}{nearest(name, known)}{moved}; there are {', '.join(known) or 'none'}"
    )


def _config(document: Document, place: Place, verb: verbs.Verb, fields: dict[str, Any]) -> StepConfig | None:
    try:
        config = verb.config.model_validate(fields)
    except ValidationError as error:
        for inner, message in plain_words.explain(error, verb.config, fields, verb.inputs):
            document.complain((*place, *inner), message)
        return None
    found = list(overlooked(fields, config))
    for inner, message in found:
        document.complain((*place, *inner), message)
    return None if found else config


def _reference(document: Document, place: Place, value: object, labels: tuple[str, ...]) -> str | dict[str, str] | None:
    """Read one input: a label, a mapping of names to labels, or a list of labels that are their own names."""
    if isinstance(value, dict):
        pairs = [(str(key), (*place, key), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        pairs = [(str(inner), (*place, index), inner) for index, inner in enumerate(value)]
    else:
        pairs = [("", place, value)]
    right = True
    for _, at, label in pairs:
        if not isinstance(label, str) or label not in labels:
            near = nearest(label, labels) if isinstance(label, str) else ""
            document.complain(at, f"no step has the label {label!r}{near}; there are {', '.join(labels)}")
            right = False
    if len({key for key, _, _ in pairs}) < len(pairs):
        document.complain(
            place, "a label stands in the list twice; name each once, or give a mapping of names to labels"
        )
        right = False
    if not right:
        return None
    return str(value) if isinstance(value, str) else {key: str(label) for key, _, label in pairs}


def _cycles(document: Document, drafts: Mapping[str, _Draft]) -> set[str]:
    """Note every cycle once, with the steps on it, and return the labels that stand on one."""
    looped: set[str] = set()
    finished: set[str] = set()

    def visit(label: str, trail: list[str]) -> None:
        if label in trail:
            cycle = trail[trail.index(label) :]
            if not looped.intersection(cycle):
                said = " reads ".join([*cycle, label])
                message = f"a cycle: {said}; a step cannot read what is made from it"
                document.complain(drafts[label].place, message)
            looped.update(cycle)
        elif label in drafts and label not in finished:
            for upstream in drafts[label].upstream:
                visit(upstream, [*trail, label])
            finished.add(label)

    for label in drafts:
        visit(label, [])
    return looped


def _build(
    document: Document, label: str, drafts: Mapping[str, _Draft], looped: set[str], steps: dict[str, Step[Any]]
) -> Step[Any] | None:
    """Build a step after the ones it reads; None when it or one of those is wrong, which has been noted."""
    draft = drafts.get(label)
    if label in steps or draft is None or label in looped:
        return steps.get(label)
    built = {upstream: _build(document, upstream, drafts, looped, steps) for upstream in draft.upstream}
    upstream = {label: one for label, one in built.items() if one is not None}
    if draft.config is None or len(upstream) < len(built):
        return None
    inputs = {
        name: upstream[value] if isinstance(value, str) else {key: upstream[one] for key, one in value.items()}
        for name, value in draft.references.items()
    }
    try:
        steps[label] = step(draft.verb.function, draft.config, inputs, label)
    except ValueError as error:
        message = str(error).removeprefix(f"{label}: ")
        named = re.search(r"input '(\w+)' takes", message)
        if "takes a mapping" in message:
            message += ": give a list of labels, or a mapping of names to labels"
        document.complain((*draft.place, named[1]) if named else draft.place, message)
        return None
    return steps[label]
