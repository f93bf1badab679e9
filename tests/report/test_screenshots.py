"""The pictures of the README are committed, and small."""

from pathlib import Path

import pytest
from docs.screenshots import MOST_BYTES, SHOTS, small
from PIL import Image


def test_every_picture_is_there_and_small(repository: Path) -> None:
    pictures = {file.name: file.stat().st_size for file in (repository / "docs").glob("*.png")}
    assert set(pictures) == {f"{shot.name}.png" for shot in SHOTS}
    assert len(pictures) == 6
    assert {name: size for name, size in pictures.items() if not 5_000 < size <= MOST_BYTES} == {}
    assert MOST_BYTES <= 300_000
    for shot in SHOTS:
        with Image.open(repository / "docs" / f"{shot.name}.png") as picture:
            assert picture.width == round(shot.width * shot.scale)


def test_a_picture_that_does_not_get_small_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "noise.png"
    Image.effect_noise((100, 100), 200).save(file)
    with pytest.raises(ValueError, match="do not fit into 5000 bytes"):
        small(file.read_bytes(), most=5000)
