"""The run that nothing disturbed, made once."""

import pytest
from tests.e2e.small import RUN, STEPS, Place, contents


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return the place of one run from first to last."""
    place = Place.in_(tmp_path_factory.mktemp("undisturbed"))
    ended = place.run(*RUN)
    assert ended.code == 0, ended.err
    assert len(contents(place.store)) == STEPS
    return place
