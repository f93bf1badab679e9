"""The file name is the registry: what is found, what is imported, and what a slip is told."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ValidationError

from zhiyin.execution.catalog import load, make, names, nearest


def test_names_lists_files_without_importing_them(family: ModuleType) -> None:
    assert names(family.Flavour) == ("broken", "double", "empty", "sour", "sweet")
    assert not [name for name in sys.modules if name.startswith("flavours.")]


def test_load_imports_the_one_file_and_no_other(family: ModuleType) -> None:
    assert load(family.Flavour, "sweet").__name__ == "Sweet"
    assert [name for name in sys.modules if name.startswith("flavours.")] == ["flavours.sweet"]


def test_a_slip_names_the_nearest_and_all(family: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"'swete' \(did you mean 'sweet'\?\); .* broken, double, empty, sour, sweet$"):
        load(family.Flavour, "swete")


def test_a_word_near_nothing_gets_no_guess() -> None:
    assert nearest("xyz", ("sweet", "sour")) == ""


def test_an_import_error_is_not_hidden(family: ModuleType) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package_anywhere"):
        load(family.Flavour, "broken")
    with pytest.raises(ModuleNotFoundError, match="no_such_package_anywhere"):
        family.CookConfig(flavour="broken")


@pytest.mark.parametrize(("name", "found"), [("double", 2), ("empty", 0)])
def test_a_file_holds_exactly_one_member(family: ModuleType, name: str, found: int) -> None:
    with pytest.raises(TypeError, match=f"flavours.{name} must hold one Flavour, it holds {found}"):
        load(family.Flavour, name)


def test_a_field_takes_a_name_a_mapping_or_a_member(family: ModuleType) -> None:
    by_name = family.CookConfig(flavour="sweet")
    by_mapping = family.CookConfig(flavour={"name": "sweet", "spoons": 3})
    assert (by_name.flavour.spoons, by_mapping.flavour.spoons) == (2, 3)
    assert family.CookConfig(flavour=by_mapping.flavour) == by_mapping
    assert by_name.flavour.name == "sweet"


@pytest.mark.parametrize("value", [3, {"spoons": 2}, {"name": 4}])
def test_anything_else_is_told_what_is_expected(family: ModuleType, value: object) -> None:
    with pytest.raises(ValidationError, match="expected the name of a Flavour"):
        family.CookConfig(flavour=value)


def test_an_error_inside_a_member_keeps_its_place(family: ModuleType) -> None:
    with pytest.raises(ValidationError) as caught:
        family.CookConfig(flavour={"name": "sweet", "spoon": 3})
    assert [error["loc"] for error in caught.value.errors()] == [("flavour", "spoon")]


def test_a_config_is_read_back_as_it_was_recorded(family: ModuleType) -> None:
    config = family.CookConfig(flavour={"name": "sweet", "spoons": 5})
    plain = config.plain()
    assert plain == {"flavour": {"name": "sweet", "code_version": 1, "spoons": 5}}
    assert family.CookConfig.model_validate(plain, context={"recorded": True}) == config
    assert make(family.Flavour, plain["flavour"], context={"recorded": True}) == config.flavour


def test_a_recipe_may_not_set_the_version(family: ModuleType) -> None:
    with pytest.raises(ValidationError, match="code_version"):
        family.CookConfig(flavour={"name": "sweet", "code_version": 7})


def test_a_member_read_back_needs_no_input_file(tmp_path: Path, make_family: Callable[..., ModuleType]) -> None:
    from_file = """
        from zhiyin.execution.config import InputPath
        class Filed(Flavour):
            file: InputPath
            '''Read.'''
        """
    family = make_family(filed=from_file)
    file = tmp_path / "sugar.txt"
    file.write_text("糖")
    plain = family.CookConfig(flavour={"name": "filed", "file": str(file)}).plain()
    file.unlink()
    assert family.CookConfig.model_validate(plain, context={"recorded": True}).flavour.file == file
