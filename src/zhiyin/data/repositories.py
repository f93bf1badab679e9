"""Data sets that lie in a repository of a hub, at a pinned commit: Hugging Face's (or a mirror of it), ModelScope's."""

import os
from abc import ABC, abstractmethod
from fnmatch import fnmatch
from pathlib import Path

from pydantic import Field

from zhiyin.execution.config import Config


class Repository(Config, ABC):
    """Files of a data set repository."""

    repo: str = Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")
    """`owner/name` of the data set."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """The full commit: a branch moves, and the run could not be repeated."""
    files: tuple[str, ...] = Field(min_length=1)
    """Patterns of the files to read, such as `data/*.parquet`."""

    @property
    def shown(self) -> str:
        """The repository as it stands in places: `owner/name@1234567`."""
        return f"{self.repo}@{self.revision[:7]}"

    @property
    def chosen(self) -> bool:
        """A commit was chosen; zeros hold the place of one in a recipe that leaves it open."""
        return bool(self.revision.strip("0"))

    def fetch(self) -> tuple[Path, list[Path]]:
        """Download the files, or find them in the hub's cache; returns the folder, and the files relative to it."""
        if not self.chosen:
            raise ValueError(
                f"{self.repo}: no commit was chosen, its place is held by zeros; for the newest one ask "
                f"`git ls-remote {self.address} HEAD`"
            )
        folder = self._download()
        # The cache may hold files of an earlier, wider request of the same revision.
        found = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
        wanted = [path for path in found if any(fnmatch(path.as_posix(), pattern) for pattern in self.files)]
        if not wanted:
            raise ValueError(f"no file of {self.shown} fits {', '.join(self.files)}")
        return folder, wanted

    @property
    @abstractmethod
    def address(self) -> str:
        """Where the repository can be looked at."""

    @abstractmethod
    def _download(self) -> Path:
        """Bring the files that fit into a folder of the cache, under their names in the repository; return it."""


class HubFiles(Repository):
    """Files on the Hugging Face hub, or on the mirror that `HF_ENDPOINT` names."""

    @property
    def address(self) -> str:
        """The page of the data set, which git knows as well."""
        return f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co')}/datasets/{self.repo}"

    def _download(self) -> Path:
        from huggingface_hub import constants, snapshot_download

        wanted = list(self.files)
        try:
            return Path(
                snapshot_download(self.repo, repo_type="dataset", revision=self.revision, allow_patterns=wanted)
            )
        except OSError as error:  # the library's own errors are of this kind, too
            raise ValueError(
                f"{self.shown} cannot be fetched from {constants.ENDPOINT}: {error}\n"
                "HF_ENDPOINT names a mirror, `modelscope` another hub, and `files` what lies on this disk."
            ) from error


class ModelScopeFiles(Repository):
    """Files on ModelScope, or on the server that `MODELSCOPE_ENDPOINT` names."""

    @property
    def address(self) -> str:
        """The page of the data set, which git knows as well."""
        return f"https://www.modelscope.cn/datasets/{self.repo}"

    @property
    def shown(self) -> str:
        """The repository as it stands in places: `modelscope:owner/name@1234567`."""
        return f"modelscope:{super().shown}"

    def _download(self) -> Path:
        # The library would otherwise ask Alibaba's cloud where in it this machine stands.
        os.environ.setdefault("MODELSCOPE_DOWNLOAD_INTRA_CLOUD", "false")
        try:
            from modelscope_hub import HubApi, HubConfig, HubError
        except ModuleNotFoundError as error:
            raise ValueError(f"{self.shown}: {error}; pip install 'zhiyin[modelscope]' brings it") from error
        config = HubConfig()
        # A folder of our own: the library's may hold another revision, left there by its older versions.
        folder = config.cache_dir / "zhiyin" / self.repo.replace("/", "--") / self.revision
        try:
            HubApi(config=config).download_repo(
                self.repo, "dataset", revision=self.revision, allow_patterns=list(self.files), local_dir=folder
            )
        except HubError as error:
            raise ValueError(f"{self.shown} cannot be fetched from {config.endpoint}: {error}") from error
        return folder
