"""Configs are closed, frozen and documented; a file counts by its bytes."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.execution.toys import GatherConfig, Style

from zhiyin.execution.config import Config, InputPath, StepConfig, digest


class Reading(StepConfig):
    file: InputPath
    """What is read."""


def test_an_unknown_key_is_an_error_at_every_depth() -> None:
    with pytest.raises(ValidationError, match=r"tines\n.*Extra inputs"):
        GatherConfig.model_validate({"tines": 2})
    with pytest.raises(ValidationError, match=r"style\.widht\n.*Extra inputs"):
        GatherConfig.model_validate({"style": {"widht": 2}})


def test_a_wrong_type_is_an_error_at_its_place() -> None:
    with pytest.raises(ValidationError, match=r"style\.width\n.*integer"):
        GatherConfig.model_validate({"style": {"width": "wide"}})


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Style().width = 3  # type: ignore[misc]


def test_a_bad_default_is_noticed() -> None:
    class Bad(Config):
        width: int = "x"  # type: ignore[assignment]
        """Characters."""

    with pytest.raises(ValidationError, match="width"):
        Bad()


def test_the_sentence_below_a_field_is_its_description() -> None:
    assert Style.model_fields["width"].description == "Characters."


def test_a_missing_input_says_what_to_do(tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    with pytest.raises(ValidationError) as caught:
        Reading(file=missing)
    message = str(caught.value)
    assert f"no such file or folder: {missing}" in message
    assert str(Path.cwd()) in message
    assert "shared_data=PATH" in message


def test_a_recorded_input_may_be_gone(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("春")
    plain = Reading(file=file).plain()
    assert plain == {"file": {"path": str(file), "sha256": digest(file)}}
    file.unlink()
    assert Reading.model_validate(plain, context={"recorded": True}).file == file
    with pytest.raises(ValidationError, match="no such file"):
        Reading.model_validate(plain)


def test_identity_keeps_the_bytes_of_a_file_and_not_its_path(tmp_path: Path) -> None:
    here, there = tmp_path / "a.txt", tmp_path / "elsewhere" / "b.txt"
    there.parent.mkdir()
    for file in (here, there):
        file.write_text("春眠不觉晓")
    assert Reading(file=here).identity() == Reading(file=there).identity()
    there.write_text("春眠不觉晚")
    assert Reading(file=here).identity() != Reading(file=there).identity()


def test_a_folder_counts_by_relative_names_and_bytes(tmp_path: Path) -> None:
    for root in ("one", "two"):
        (tmp_path / root / "deep").mkdir(parents=True)
        (tmp_path / root / "a.txt").write_text("a")
        (tmp_path / root / "deep" / "b.txt").write_text("b")
    one, two = tmp_path / "one", tmp_path / "two"
    assert digest(one) == digest(two)
    (two / "deep" / "b.txt").rename(two / "b.txt")
    assert digest(one) != digest(two)


def test_a_digest_notices_a_write_whose_size_and_time_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("春")
    before, stat = digest(file), file.stat()
    file.write_text("夏")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file.stat().st_mtime_ns == stat.st_mtime_ns
    assert file.stat().st_size == stat.st_size
    assert digest(file) != before
