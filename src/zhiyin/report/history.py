"""What was really run: every ancestor of the artifacts on the page, from their manifests, inputs first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from zhiyin.execution.artifact import Artifact, Manifest


@dataclass(frozen=True)
class Runs:
    """The runs that stand on one page, in order, and what each of them is made of; empty for a single recipe."""

    names: tuple[str, ...] = ()
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Folder of an artifact to the names of the runs it is part of."""

    @classmethod
    def of(cls, pages: Mapping[str, Artifact]) -> "Runs":
        """Follow the lineage of each run's page."""
        lineages = {name: {one.path.name for one in page.lineage} for name, page in pages.items()}
        folders = set().union(*lineages.values())
        members = {folder: frozenset(name for name in lineages if folder in lineages[name]) for folder in folders}
        return cls(tuple(pages), members)

    def named(self, folder: str, label: str) -> str:
        """Put the runs in front of a label, `lr3 · sft`, unless all of them share the artifact."""
        within = self.members.get(folder, frozenset())
        owners = ", ".join(name for name in self.names if name in within)
        return label if self.shared(folder) else f"{owners} · {label}"

    def joined(self, folders: Sequence[str]) -> "Runs":
        """Return the runs with some artifacts taken for one, which belongs to every run that has one of them."""
        union = frozenset[str]().union(*(self.members.get(folder, frozenset()) for folder in folders))
        known = [folder for folder in folders if folder in self.members]
        return replace(self, members={**self.members, **dict.fromkeys(known, union)})

    def shared(self, folder: str) -> bool:
        """Tell whether all runs have the artifact, or it compares them."""
        return len(self.members.get(folder, self.names)) == len(self.names)

    def place(self, folder: str) -> int:
        """Return the number of the first run that it is part of."""
        within = self.members.get(folder, frozenset())
        return next((number for number, name in enumerate(self.names) if name in within), 0)


ALONE = Runs()
"""A page about one recipe."""


@dataclass(frozen=True)
class Node:
    """One finished step of the lineage."""

    artifact: Artifact
    manifest: Manifest
    label: str
    """The recipe's name for it, as `distinct` makes it unique."""
    parents: tuple[str, ...]
    """Folder names of the artifacts it read, each once."""

    @property
    def folder(self) -> str:
        """The folder's name: unique in the store, so it serves as the id on the page."""
        return self.artifact.path.name

    @property
    def room(self) -> str:
        """The package of the verb: `data`, `training`, `evaluation`, ...; `other` outside this project."""
        parts = self.manifest.module.split(".")
        return parts[1] if parts[0] == "zhiyin" and len(parts) > 2 else "other"


def history(roots: Iterable[Artifact], runs: Runs = ALONE) -> tuple[Node, ...]:
    """Return the lineage of the roots, each artifact once, every one after all it came from.

    The order is that of the roots, so that it reads like the recipe. Raises `FileNotFoundError`, naming the folder,
    when an ancestor is no longer in the store.
    """
    found: dict[str, Artifact] = {}
    given = list(roots)
    for root in given:
        for artifact in root.lineage:
            found.setdefault(artifact.path.name, artifact)
    manifests = {folder: artifact.manifest for folder, artifact in found.items()}
    labels = distinct(manifests, runs)
    ordered: dict[str, Node] = {}

    def visit(folder: str) -> None:
        if folder in ordered:
            return
        manifest = manifests[folder]
        parents = tuple(dict.fromkeys(manifest.inputs.values()))
        for parent in parents:
            visit(parent)
        ordered[folder] = Node(found[folder], manifest, labels[folder], parents)

    for root in given:
        visit(root.path.name)
    return tuple(ordered.values())


def distinct(manifests: Mapping[str, Manifest], runs: Runs = ALONE) -> dict[str, str]:
    """Return a label for each folder: with its runs in front where they differ in it, and with the start of the
    fingerprint where two still share one: a rename is free.
    """
    labels = {folder: runs.named(folder, manifest.label) for folder, manifest in manifests.items()}
    count = Counter(labels.values())
    return {
        folder: label if count[label] == 1 else f"{label} ({manifests[folder].fingerprint[:4]})"
        for folder, label in labels.items()
    }


def depths(nodes: Iterable[Node]) -> dict[str, int]:
    """Return the longest path from a source to each node; `nodes` come inputs first."""
    depth: dict[str, int] = {}
    for node in nodes:
        depth[node.folder] = max((depth[parent] + 1 for parent in node.parents), default=0)
    return depth


def parent(artifact: Artifact, name: str) -> Artifact:
    """Return the artifact that was read under that input name; raises `ValueError` if there was none."""
    inputs = artifact.manifest.inputs
    if name not in inputs:
        raise ValueError(f"{artifact.path} has no input {name!r}; it has {', '.join(inputs) or 'none'}")
    return Artifact(artifact.path.parent / inputs[name])


def answerer(completions: Artifact) -> Artifact:
    """Return the model that gave the answers; the answers themselves when no model in the store did."""
    folder = completions.manifest.inputs.get("model")
    return Artifact(completions.path.parent / folder) if folder else completions
