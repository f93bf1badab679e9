"""The base of every setting: frozen, closed, and documented by the sentence under each field."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SerializationInfo, ValidationInfo


class Config(BaseModel):
    """A frozen set of settings. An unknown key is an error, and every field changes the result.

    Where and how a step runs (device, workers, batch in memory) is `Runtime`, never a `Config`.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, protected_namespaces=()
    )

    code_version: ClassVar[int] = 1
    """Raised by hand when the meaning of the code behind this config changes."""

    def plain(self) -> dict[str, Any]:
        """Return the config as JSON values, the form kept in manifests; files are `{path, sha256}`."""
        return self.model_dump(mode="json")

    def identity(self) -> dict[str, Any]:
        """Return the part of the config that names the result: a file counts by its bytes, not by its path."""
        return self.model_dump(mode="json", context={"identity": True})


class StepConfig(Config):
    """The config of a step; it also tells the runner how the step may be run."""

    resumable: ClassVar[bool] = False
    """The verb finds its own `out/checkpoints` after a kill or a failure; otherwise `out` is emptied first."""
    parallel: ClassVar[bool] = False
    """The verb may be started under torchrun when `Runtime.num_processes` is above one."""

    def produces(self, inputs: Mapping[str, type[Any]]) -> type[Any] | None:
        """Return the artifact type for these artifact types, or None to use the verb's return annotation.

        The steps of a mapping are named `input.key`. Raises `ValueError` when the inputs do not suit the config.
        """

    def foresee(self, inputs: Mapping[str, Any]) -> Any:
        """Return what can be known of the artifact before it is made, None for nothing.

        `inputs` holds the artifact of each input that is finished, and of another what its step foresees.
        """

    def forecast(self, inputs: Mapping[str, Any], runtime: Any) -> Iterable[str] | None:
        """Return what `zhiyin explain` should say of the step before it runs, in the reader's language; None: nothing.

        `inputs` are those of `foresee`, `runtime` the `Runtime` it would run with.
        """


def _located(value: object, info: ValidationInfo) -> object:
    """Check that an input is there; one read back from a manifest (`context={"recorded": True}`) may be gone."""
    if isinstance(value, Mapping) and "path" in value:
        value = value["path"]
    if info.context and info.context.get("recorded"):
        return value
    if isinstance(value, str | Path) and not Path(value).exists():
        raise ValueError(
            f"no such file or folder: {value} (relative paths start at {Path.cwd()}; "
            "recipes take variables on the command line, such as shared_data=PATH)"
        )
    return value


def _with_digest(path: Path, info: SerializationInfo) -> dict[str, str]:
    return {**({} if (info.context or {}).get("identity") else {"path": str(path)}), "sha256": digest(path)}


InputPath = Annotated[Path, BeforeValidator(_located), PlainSerializer(_with_digest)]
"""A local file or folder that a step reads. It must exist, and its bytes are part of the identity."""


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's relative names and bytes."""
    if path.is_file():
        return _file_digest(path, _state(path))
    whole = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        whole.update(f"{file.relative_to(path).as_posix()}\0{_file_digest(file, _state(file))}\n".encode())
    return whole.hexdigest()


def _state(file: Path) -> tuple[int, int, int, int]:
    """Return what changes when a file does; ctime also shows a write whose mtime was set back."""
    stat = file.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


@lru_cache(maxsize=65536)
def _file_digest(path: Path, state: tuple[int, int, int, int]) -> str:
    """Hash one file; `state` is only there to notice that it changed since."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
