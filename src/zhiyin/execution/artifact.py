"""What a step leaves behind: a folder, with a manifest that says how it came to be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, ClassVar, Literal

from zhiyin.execution.config import Config, digest

MANIFEST = "manifest.json"


class FileRecord(Config):
    """One file of an artifact."""

    role: Literal["result", "telemetry"]
    """Only results count as the artifact's content; telemetry holds seconds, memory, pages."""
    size: int
    """Bytes."""
    sha256: str
    """Of the bytes, when the artifact was committed."""
    modified_ns: int
    """Modification time then: while size and time agree, the bytes are trusted without reading them."""


class Manifest(Config):
    """The record beside every artifact. It is written last: a folder without it is unfinished."""

    label: str
    """The readable name the recipe gave the step when it was first made."""
    kind: str
    """The verb: `train`, `merge`, `score`."""
    module: str
    """The module of the verb."""
    version: int
    """The version of that verb when it ran."""
    fingerprint: str
    """The identity of the artifact: kind, version, config and inputs."""
    config: dict[str, Any]
    """The whole config, as plain values."""
    inputs: dict[str, str]
    """Input name to the folder name of the artifact it was; `sources.news` for one of a mapping."""
    files: dict[str, FileRecord]
    """Relative path to record, of every file in the folder but this one."""
    summary: dict[str, Any]
    """The numbers a reader wants first."""
    provenance: dict[str, Any]
    """When, where, how long, with how much memory, from which code and packages."""

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a finished folder."""
        file = folder / MANIFEST
        if not file.is_file():
            raise FileNotFoundError(f"{folder} is not a finished artifact: it has no {MANIFEST}")
        return cls.model_validate_json(file.read_text(encoding="utf-8"))

    @property
    def results(self) -> dict[str, str]:
        """The content of the artifact: path to SHA-256 of every result file."""
        return {path: record.sha256 for path, record in self.files.items() if record.role == "result"}


@dataclass(frozen=True)
class Artifact:
    """A finished folder. Subclasses name a kind and give typed access to its files."""

    path: Path
    summary: Mapping[str, Any] = field(default_factory=dict)
    """The numbers a reader wants first; a verb hands them over, the manifest keeps them."""

    telemetry: ClassVar[tuple[str, ...]] = ("telemetry/*",)
    """Patterns of the files that are not part of the content."""

    @property
    def manifest(self) -> Manifest:
        """The record of how this artifact was made."""
        return Manifest.read(self.path)

    @property
    def lineage(self) -> "Iterator[Artifact]":
        """Yield this artifact and every one it came from, each once, nearest first."""
        queue = [self.path.name]
        for folder in queue:
            artifact = Artifact(self.path.parent / folder)
            yield artifact
            queue += [name for name in dict.fromkeys(artifact.manifest.inputs.values()) if name not in queue]

    @classmethod
    def role(cls, path: str) -> Literal["result", "telemetry"]:
        """Tell whether a file of this kind of artifact is content or telemetry."""
        return "telemetry" if any(fnmatch(path, pattern) for pattern in cls.telemetry) else "result"

    def damage(self, *, thorough: bool) -> str | None:
        """Say what differs from the manifest, or None. Unless `thorough`, an untouched file is not read again."""
        for name, record in self.manifest.files.items():
            file = self.path / name
            if not file.is_file():
                return f"{file} is missing"
            stat = file.stat()
            if stat.st_size != record.size:
                return f"{file} has {stat.st_size} bytes, {record.size} were committed"
            if (thorough or stat.st_mtime_ns != record.modified_ns) and digest(file) != record.sha256:
                return f"{file} has other bytes than were committed (SHA-256 differs)"
        return None
