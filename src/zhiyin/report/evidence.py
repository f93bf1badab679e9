"""What stands behind a number: how the questions were asked, who answered and how, and where the items are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from zhiyin.artifacts import ScoreSet, Verdict
from zhiyin.execution.artifact import Manifest
from zhiyin.report.history import Node
from zhiyin.report.items import Exam
from zhiyin.report.summary import protocol

ITEMS = "items.html"
WHOLE = ("average/", "category/", "subset/")
"""How the name of a group begins that no prompt carries: an average over other groups, or some items of all."""
OF_SHARES = ("right", "wrong", "unanswered")
OF_VALUES = ("unanswered",)


@dataclass(frozen=True)
class Way:
    """Links to the items of one measure, or to all items of a set."""

    name: str
    """The measure, or the label of the prompt set."""
    links: tuple[tuple[str, str], ...]
    """What each shows (`all`, `right`, `rose`, ...), and its address."""


@dataclass(frozen=True)
class Evidence:
    """What the section of a step says beyond its manifest."""

    protocol: str
    """The benchmark and its settings; empty for a step that is about no benchmark."""
    protocol_hash: str
    """Of the prompts and of how they were answered: scores compare directly only where it is equal."""
    model: str
    """Folder of the model that answered; empty where none in the store did."""
    decoding: str
    """Engine, strategy and sampling of the answers."""
    ways: tuple[Way, ...]
    readers: tuple[str, ...]
    """Folders of the steps that read this one."""


def address(prompts: str, **wanted: str) -> str:
    """Return the address of some items of a prompt set: the fragment names the filters of the page of items."""
    group = wanted.get("group", "")
    chosen = {name: value for name, value in wanted.items() if value and not (name == "group" and _is_average(group))}
    return f"{ITEMS}#{urlencode({'prompts': prompts, **chosen})}"


def evidence(nodes: Sequence[Node], exams: Sequence[Exam]) -> dict[str, Evidence]:
    """Return what stands behind each step of the lineage, by folder."""
    made = {node.folder: node for node in nodes}
    readers: dict[str, list[str]] = {folder: [] for folder in made}
    for node in nodes:
        for folder in node.parents:
            readers[folder].append(node.folder)
    shown = {(exam.folder, column.folder) for exam in exams for column in exam.columns}
    return {node.folder: _of(node, made, exams, shown, tuple(readers[node.folder])) for node in nodes}


def _of(
    node: Node,
    made: Mapping[str, Node],
    exams: Sequence[Exam],
    shown: set[tuple[str, str]],
    readers: tuple[str, ...],
) -> Evidence:
    inputs = node.manifest.inputs
    scores = inputs.get("after", node.folder)
    origin = made[scores].manifest if scores in made else node.manifest
    prompts = made.get(origin.inputs.get("prompts", node.folder))
    answers = None if "after" in inputs else made.get(origin.inputs.get("completions", node.folder))
    return Evidence(
        protocol=protocol(prompts.manifest.config["benchmark"]) if prompts and _asks(prompts) else "",
        protocol_hash=str(origin.summary.get("protocol", "")) if "completions" in origin.inputs else "",
        model=answers.manifest.inputs.get("model", "") if answers and _answers(answers.manifest) else "",
        decoding=_settings(answers.manifest.config) if answers and _answers(answers.manifest) else "",
        ways=tuple(_ways(node, made, exams, shown)),
        readers=readers,
    )


def _ways(node: Node, made: Mapping[str, Node], exams: Sequence[Exam], shown: set[tuple[str, str]]) -> Iterator[Way]:
    """Yield the links to items: of a score set and a verdict by measure, of prompts and answers by set."""
    inputs = node.manifest.inputs
    if {"before", "after"} <= inputs.keys():
        yield from _flips(node, made[inputs["after"]].manifest.inputs.get("prompts", ""), shown)
    elif (inputs.get("prompts", ""), node.folder) in shown:
        for measure in _measures(node):
            wanted = {"answers": node.folder, "measure": measure}
            shares = OF_SHARES if measure.endswith("accuracy") else OF_VALUES
            links = (("all", address(inputs["prompts"], **wanted)),)
            yield Way(measure, (*links, *((show, address(inputs["prompts"], **wanted, show=show)) for show in shares)))
    else:
        for exam in exams:
            columns = [one for one in exam.columns if one.completions == node.folder]
            if exam.folder == node.folder:
                yield Way(exam.label, (("all", address(exam.folder)),))
            elif columns:
                yield Way(exam.label, (("all", address(exam.folder, answers=columns[0].folder)),))


def _flips(node: Node, prompts: str, shown: set[tuple[str, str]]) -> Iterator[Way]:
    inputs = node.manifest.inputs
    if {(prompts, inputs["before"]), (prompts, inputs["after"])} <= shown:
        for one in Verdict(node.artifact.path).comparisons:
            sides = {"before": inputs["before"], "answers": inputs["after"], "measure": one.measure}
            wanted = {**sides, "group": str(node.manifest.summary.get("group", ""))}
            shows = ("rose", "fell", "unchanged")
            yield Way(one.measure, tuple((show, address(prompts, **wanted, show=show)) for show in shows))


def _measures(node: Node) -> list[str]:
    return list(dict.fromkeys(score.measure for score in ScoreSet(node.artifact.path).scores))


def _asks(node: Node) -> bool:
    return isinstance(node.manifest.config.get("benchmark"), dict) and bool(node.manifest.config["benchmark"])


def _answers(manifest: Manifest) -> bool:
    return any(name.startswith("prompts.") for name in manifest.inputs)


def _settings(config: Mapping[str, Any]) -> str:
    """Write a config on one line; a plug-in is its name."""
    plain = {name: value.get("name", "") if isinstance(value, dict) else value for name, value in config.items()}
    return ", ".join(f"{name} {value}" for name, value in plain.items() if value is not None)


def _is_average(group: str) -> bool:
    return group.startswith(WHOLE)
