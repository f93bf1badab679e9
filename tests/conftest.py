"""What every test may ask for: the repository, and an environment in which a new process finds both packages."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Deadlines measure the machine, not the code; a fixed seed makes a failure the same everywhere.
settings.register_profile("zhiyin", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("zhiyin")

# Messages are compared in English, whatever the machine speaks.
os.environ["LANGUAGE"] = "en"

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def child_environment() -> dict[str, str]:
    """Return an environment in which a new Python process can import `zhiyin` and `tests`."""
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
