"""What every test may ask for: the repository, and an environment in which a new process finds both packages."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

# Deadlines measure the machine, not the code; a fixed seed makes a failure the same everywhere.
settings.register_profile("zhiyin", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("zhiyin")

# Messages are compared in English, whatever the machine speaks.
os.environ["LANGUAGE"] = "en"

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def _as_nobody(folder: Path) -> Iterator[None]:
    """Give up root's right to read everything; what lies in `folder`, pytest's own, stays within reach."""
    above = folder
    while above != Path(tempfile.gettempdir()) and above.owner() == folder.owner():
        above.chmod(0o777)
        above = above.parent
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def as_nobody(tmp_path: Path) -> Callable[[], AbstractContextManager[None]]:
    """Return a context in which permissions count, even for root."""
    return partial(_as_nobody, tmp_path)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def child_environment() -> dict[str, str]:
    """Return an environment in which a new Python process can import `zhiyin` and `tests`."""
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
