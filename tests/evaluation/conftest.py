"""A desk for every test of this room."""

import pytest
from tests.evaluation.desk import Desk


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Return one store for all tests: equal steps are made once."""
    return Desk(tmp_path_factory.mktemp("evaluation") / "store")
