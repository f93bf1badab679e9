"""Finished models asked the same benchmarks: the steps from prompts to scores, and to the paired comparisons."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from zhiyin.artifacts import Adapter, Checkpoint, CompletionSet, Page, PromptSet, ScoreSet, Verdict
from zhiyin.evaluation import gate, prepare, score
from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.execution.artifact import MANIFEST, Artifact
from zhiyin.execution.catalog import load, make
from zhiyin.execution.step import Step, step
from zhiyin.inference import answer
from zhiyin.locale.words import Language
from zhiyin.recipe.held import held
from zhiyin.recipe.yaml_file import value_of
from zhiyin.report import page
from zhiyin.weights import fetch

DATA = Path("../shared/data")
"""Where a benchmark's files are looked for under its name, when it is not told where they lie."""

INSIDE = {"mmlu": "hendrycks_layout"}
"""Folder that holds the files of a benchmark inside its own, where there is one."""

Models = Mapping[str, Checkpoint | Adapter]
"""Artifacts in the store by name, the one compared with first."""
Scores = Mapping[tuple[str, str], Step[ScoreSet]]
"""The score of each model on each benchmark."""


def model(folder: Path) -> Checkpoint | Adapter:
    """Open a finished model; raises `ValueError` for an artifact of another kind."""
    artifact = Artifact(folder)
    if (folder / "adapter_config.json").is_file():
        return Adapter(folder)
    if (folder / "config.json").is_file():
        return Checkpoint(folder)
    raise ValueError(f"{artifact.manifest.label} is no model: {folder} has neither config.json nor adapter_config.json")


def outside(text: str, template: str | None) -> Step[Checkpoint] | None:
    """Return the step that takes a model from a folder, or from the hub as `owner/name@commit`; None for other words.

    `template` names the chat format; without one it is recognised. Raises `ValueError` for a format there is none of.
    """
    place = Path(text)
    config: dict[str, Any] = {"template": template} if template else {}
    if (place / "config.json").is_file() and not (place / MANIFEST).exists():
        return step(fetch.fetch, fetch.Config.model_validate({**config, "folder": place}), {}, place.resolve().name)
    if found := re.fullmatch(f"({fetch.REPOSITORY})@({fetch.COMMIT})", text):
        repo, revision = found.groups()
        config |= {"repo": repo, "revision": revision}
        return step(fetch.fetch, fetch.Config.model_validate(config), {}, repo.partition("/")[2])
    return None


def benchmarks(text: str) -> dict[str, Benchmark]:
    """Read `cmmlu shots=5`, or `few=cmmlu shots=5` under a label of its own; returns the benchmark by its label.

    `protocol=all` stands for every protocol of the benchmark: `cmmlu_official`, `cmmlu_harness`, ... Files are looked
    for in `DATA` unless `folder` or `file` says where they are. Raises `ValueError` that names what is not understood.
    """
    first, *settings = shlex.split(text) or [""]
    label, named, name = first.partition("=")
    name = name if named else label
    fields: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"{text!r}: expected NAME and then KEY=VALUE, found {setting!r}")
        fields[key] = value_of(value)
    family: Any = Benchmark
    known = load(family, name).model_fields
    for key in ("folder", "file"):
        if key in known and known[key].is_required() and key not in fields:
            fields[key] = str(_lies(name) if key == "folder" else DATA / name / "test.jsonl")
    if fields.get("protocol") != "all":
        return {label: make(family, {"name": name, **fields})}
    protocols: tuple[str, ...] = get_args(known["protocol"].annotation) if "protocol" in known else ()
    if not protocols:
        raise ValueError(f"{name} has no protocols to choose from")
    return {f"{label}_{one}": make(family, {"name": name, **fields, "protocol": one}) for one in protocols}


def _lies(name: str) -> Path:
    inside = DATA / name / INSIDE.get(name, "")
    return inside if inside.is_dir() else DATA / name


def scores(models: Models, asking: Mapping[str, Benchmark], answering: answer.Config) -> Scores:
    """Return the steps that ask every model every benchmark; a model is loaded once."""
    asked: dict[str, Step[PromptSet]] = {
        label: step(prepare.prepare, prepare.Config(benchmark=one), {}, label) for label, one in asking.items()
    }
    found: dict[tuple[str, str], Step[ScoreSet]] = {}
    for name, one in models.items():
        inputs: dict[str, Any] = {"model": held(one), "prompts": asked}
        answers: Step[CompletionSet] = step(answer.answer, answering, inputs, f"{name}_answers")
        for label, prompts in asked.items():
            given = {"prompts": prompts, "completions": answers}
            found[name, label] = step(score.score, score.Config(), given, f"{name}_{label}")
    return found


def compared(made: Mapping[tuple[str, str], ScoreSet], budgets: Mapping[str, str]) -> dict[str, Step[Verdict]]:
    """Return the comparisons of every model with the first on the same items, by label.

    `budgets` say by benchmark which change of its first measure is allowed (`-2pt`); such a comparison is required.
    """
    first = next(name for name, _ in made)
    verdicts: dict[str, Step[Verdict]] = {}
    for (name, label), after in made.items():
        if name == first:
            continue
        before = made[first, label]
        shared = tuple(measure for measure in before.overview.measures if measure in after.overview.measures)
        if label in budgets:
            fields: dict[str, Any] = {"expect": "within_budget", "budget": budgets[label], "required": True}
            config = gate.Config.model_validate({"measures": shared[:1], **fields})
        else:
            config = gate.Config(measures=shared, expect="any", items="common")
        what = f"{first}_to_{name}_on_{label}"
        verdicts[what] = step(gate.gate, config, {"before": held(before), "after": held(after)}, what)
    return verdicts


def report(
    made: Sequence[ScoreSet], verdicts: Mapping[str, Step[Verdict]], *, title: str, language: Language
) -> Step[Page]:
    """Return the page of an evaluation."""
    inputs: dict[str, Any] = {"scores": {one.manifest.label: held(one) for one in made}, "verdicts": dict(verdicts)}
    return step(page.page, page.Config(title=title, language=language), inputs, "evaluation")
