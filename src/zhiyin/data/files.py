"""Where a source's rows come from: local files and folders, or a repository at a pinned revision."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property, lru_cache
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from zhiyin.data import formats, lines
from zhiyin.data.columns import allowed, named
from zhiyin.data.repositories import HubFiles, ModelScopeFiles, Repository
from zhiyin.data.rows import Row
from zhiyin.execution.catalog import Plugin
from zhiyin.execution.config import InputPath
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence


@dataclass(frozen=True)
class SourceFile:
    """One file to read."""

    path: Path
    shown: str
    """Its name in places: the path as given, or `owner/name@revision/path`."""


class FileRows(Plugin):
    """The half of a source that finds rows in files. A member says what record each row becomes."""

    usual: ClassVar[tuple[str, ...]] = tuple(
        f"*{suffix}{packed}" for suffix in lines.SUFFIXES for packed in ("", ".gz")
    )
    """The files of a folder that are read when `pattern` is not given."""
    hub_id: ClassVar[str] = ""
    """`owner/name` on the Hugging Face hub; empty for a data set that is not there."""
    expects: ClassVar[tuple[str, ...]] = ()
    """Columns that the first row of each file must have; `a|b` is either."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Columns that are read where there are any."""

    files: tuple[InputPath, ...] = ()
    """Files, or folders that are searched all the way down, in order of their names."""
    pattern: tuple[str, ...] = ()
    """Which files of a folder are read, such as `*.jsonl`; by default the source's usual ones."""
    hub: HubFiles | None = None
    """Files of a repository on the Hugging Face hub, instead of `files`."""
    modelscope: ModelScopeFiles | None = None
    """Files of a repository on ModelScope, instead of `files`."""
    label: str = ""
    """The name of the data set in records and tables; by default the name of the source."""
    columns: dict[str, str] = Field(default_factory=dict)
    """What the file calls a column that the source reads under another name, such as `instruction: prompt`."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [name for name in ("files", "hub", "modelscope") if getattr(self, name)]
        if not given:
            known = f"hub: {{repo: {self.hub_id}, revision: <commit>, files: ['*']}}" if self.hub_id else "hub: ..."
            raise ValueError(f"say where the rows are: `files: [path]`, or `{known}`, or `modelscope: ...` likewise")
        if len(given) > 1:
            raise ValueError(f"the rows are in one place: give `{'` or `'.join(given)}`")
        allowed(self.columns, self.expects, self.optional)
        return self

    @property
    def data_set(self) -> str:
        """The name of the data set in records."""
        return self.label or self.name

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that are expected; where the config names them, a source overrides this."""
        return self.expects

    @property
    def places(self) -> tuple[str, ...]:
        """The names of the files, or the repository at its revision."""
        return (self._repository.shown,) if self._repository else tuple(path.name for path in self.files)

    @property
    def _repository(self) -> Repository | None:
        return self.hub or self.modelscope

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield every row in file order; a line that is not even a row is yielded as `Rejected`, and an empty file.

        Raises `ValueError` when a file cannot be read, lacks the expected columns, or changes meanwhile.
        """
        for file in self.located():
            before = _state(file)
            rows = iter(named(self.read(file), self.required, self.columns))
            yield next(rows, Rejected(f"{file.shown}:1", "a file without rows", ""))
            yield from rows
            if _state(file) != before:
                raise ValueError(f"{file.shown}: the file changed while it was read; run again")

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield the rows of one file; a source with a format of its own overrides this."""
        return formats.read(file.path, file.shown)

    def identify(self, row: Row) -> str:
        """Return an id from data set, file and number. It does not tell where the files lie on this machine."""
        file, _, number = row.where.rpartition(":")
        return f"{self.data_set}/{_below(file, self._roots)}:{number}"

    def located(self) -> list[SourceFile]:
        """Return the files to read, in order.

        Raises `ValueError` when a folder has none, or when two files would give the same ids.
        """
        if repository := self._repository:
            folder, found = repository.fetch()
            located = [SourceFile(folder / path, f"{repository.shown}/{path.as_posix()}") for path in found]
        else:
            located = [SourceFile(path, str(path)) for given in self.files for path in self._expanded(given)]
        seen: dict[str, SourceFile] = {}
        for file in located:
            name = _below(file.shown, self._roots)
            if name in seen:
                raise ValueError(
                    f"{seen[name].shown} and {file.shown} are both called {name}, so their records would share ids; "
                    "give the folder above them, or collect them in two steps"
                )
            seen[name] = file
        return located

    def _expanded(self, given: Path) -> list[Path]:
        if not given.is_dir():
            return [_checked(given)]
        patterns = self.pattern or self.usual
        found = _below_folder(given)
        wanted = [path for path in found if any(fnmatch(path.name, pattern) for pattern in patterns)]
        if not wanted:
            ends = ", ".join(end for end, _ in Counter(path.suffix or path.name for path in found).most_common(5))
            if ends:
                raise ValueError(
                    f"{given}: none of its {len(found)} files fits {', '.join(patterns)}; they end in {ends}, and "
                    "`pattern` says which are read"
                )
            raise ValueError(f"{given}: none of its {len(found)} files fits {', '.join(patterns)}")
        return [_checked(path) for path in wanted]

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        return (f"{self._repository.shown}/",) if self._repository else _roots(self.files)


class AnyFiles(FileRows):
    """Files that can be anybody's: their licence is said in the recipe."""

    licence: Licence = Licence("not stated", commercial=None)
    """The licence of the files: its `name`, whether `commercial` use is allowed, and `terms` in words if need be."""
    kind: str = ""
    """The task or genre written into every record."""

    @field_validator("licence", mode="before")
    @classmethod
    def _in_full(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(f"{value!r} does not say what is allowed; give `name` and `commercial`, true or false")
        return value


def _below_folder(folder: Path) -> list[Path]:
    """Return every file below a folder; raises `ValueError` for a part of it that would be passed over in silence."""

    def refuse(error: OSError) -> None:
        raise ValueError(f"{error.filename}: the folder cannot be read: {error.strerror}") from error

    found: list[Path] = []
    for above, folders, files in os.walk(folder, onerror=refuse):
        for name in folders:
            if Path(above, name).is_symlink():
                raise ValueError(f"{Path(above, name)}: a link to a folder is not followed; name it under `files`")
        found.extend(Path(above, name) for name in files)
    return sorted(found)


def _checked(path: Path) -> Path:
    """Return a path that is a file whose name is text; raises `ValueError` for any other."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{lines.as_text(os.fsencode(path))}: the name is not UTF-8; rename the file") from error
    if path.is_file():
        return path
    if path.is_symlink():
        raise ValueError(f"{path}: a link to {path.readlink()}, where no file is")
    raise ValueError(f"{path}: {'neither a file nor a folder' if path.exists() else 'the file is gone'}")


def _state(file: SourceFile) -> tuple[int, int, int]:
    """Return what changes when the file does; raises `ValueError` when it is gone."""
    with lines.readable(file.shown):
        stat = file.path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=256)
def _roots(files: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(f"{path.parent if path.is_file() else path}/" for path in files)


@lru_cache(maxsize=65536)
def _below(shown: str, roots: tuple[str, ...]) -> str:
    """Return the name of a file below the first root that holds it."""
    for root in roots:
        if shown.startswith(root):
            return shown.removeprefix(root)
    return shown
