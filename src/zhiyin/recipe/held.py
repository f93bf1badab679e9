"""Steps that are finished already, known by their manifests alone, so that new steps can read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from zhiyin.execution.artifact import Artifact, Manifest
from zhiyin.execution.config import StepConfig
from zhiyin.execution.step import Step

A = TypeVar("A", bound=Artifact, covariant=True)
B = TypeVar("B", bound=Artifact)


@dataclass(frozen=True, eq=False)
class Held(Step[A]):
    """A step whose identity is the one on record: what it read may be gone, and its verb may have changed since.

    A step that reads it needs no more of it: its fingerprint, and the artifact in the store.
    """

    manifest: Manifest

    @property
    def kind(self) -> str:
        """The verb's name, as recorded."""
        return self.manifest.kind

    @property
    def version(self) -> int:
        """The version of the verb when it ran."""
        return self.manifest.version

    @property
    def fingerprint(self) -> str:
        """The recorded identity."""
        return self.manifest.fingerprint


def held(artifact: B) -> Held[B]:
    """Return the finished step behind an artifact; raises `ValueError` for a folder that was renamed."""
    manifest = artifact.manifest
    one = Held(manifest.label, _gone, StepConfig(), {}, type(artifact), manifest)
    if artifact.path.name != one.folder:
        raise ValueError(f"{artifact.path} was renamed: its manifest calls it {one.folder}")
    return one


def _gone(config: StepConfig, *, out: Path, runtime: Any) -> Any:
    raise FileNotFoundError("it is gone from the store; `zhiyin run` with its recipe makes it again")
