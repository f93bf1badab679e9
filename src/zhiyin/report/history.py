"""What was really run: every ancestor of the artifacts on the page, from their manifests, inputs first."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zhiyin.execution.artifact import Artifact, Manifest


@dataclass(frozen=True)
class Node:
    """One finished step of the lineage."""

    artifact: Artifact
    manifest: Manifest
    label: str
    """The recipe's name for it; the start of its fingerprint is added where two steps share a name."""
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


def history(roots: Iterable[Artifact]) -> tuple[Node, ...]:
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
    labels = distinct(manifests)
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


def distinct(manifests: Mapping[str, Manifest]) -> dict[str, str]:
    """Return a label for each folder, with the start of the fingerprint where two share one: a rename is free."""
    count = Counter(manifest.label for manifest in manifests.values())
    return {
        folder: manifest.label if count[manifest.label] == 1 else f"{manifest.label} ({manifest.fingerprint[:4]})"
        for folder, manifest in manifests.items()
    }


def depths(nodes: Iterable[Node]) -> dict[str, int]:
    """Return the longest path from a source to each node; `nodes` come inputs first."""
    depth: dict[str, int] = {}
    for node in nodes:
        depth[node.folder] = max((depth[parent] + 1 for parent in node.parents), default=0)
    return depth
