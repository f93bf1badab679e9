"""Every module is named by a test of its own room, so that there is a test that fails without it."""

from tests.house.tree import Module, imported, source, strings, suite

WITH_CODE = [module for module in source() if module.has_code and module.name not in ("zhiyin", "zhiyin.__main__")]
# A member of a family is found by its file's name, so a test may name it that way.
FAMILIES = {module.name for module in source() if module.is_package and module.has_code} - {"zhiyin"}


def is_named(module: Module, test: Module) -> bool:
    """Tell whether a test file imports the module, or the family of which it names this member."""
    found = imported(test)
    if module.name in found or any(name.startswith(f"{module.name}.") for name in found):
        return True
    family, _, member = module.name.rpartition(".")
    literals = strings(test)
    return module.name in literals or (family in FAMILIES and family in found and member in literals)


def test_the_modules_were_found() -> None:
    assert len(WITH_CODE) >= 95
    assert {
        "zhiyin.chat.templates",
        "zhiyin.data.filters",
        "zhiyin.data.sources",
        "zhiyin.evaluation.benchmarks",
        "zhiyin.inference.engines",
        "zhiyin.inference.strategies",
        "zhiyin.training.adapters",
        "zhiyin.training.objectives",
    } == FAMILIES


def nearby(module: Module) -> list[Module]:
    """Return the tests of the module's own room; of a module on top of the package, all but those of the house."""
    places = {module.room, "families"} if module.room else {test.name.split(".")[1] for test in suite()} - {"house"}
    return [test for test in suite() if test.name.split(".")[1] in places]


NAMED = {module.name for module in WITH_CODE if any(is_named(module, test) for test in nearby(module))}


def reached() -> set[str]:
    """Return what is named, and what that imports inside its own room: without it, the test fails as well."""
    found = set(NAMED)
    waiting = [module for module in WITH_CODE if module.name in found]
    while waiting:
        importer = waiting.pop()
        for module in WITH_CODE:
            if module.room == importer.room and module.name not in found and module.name in imported(importer):
                found.add(module.name)
                waiting.append(module)
    return found


def test_every_module_is_reached_by_a_test_of_its_own_room() -> None:
    assert [module.name for module in WITH_CODE if module.name not in reached()] == []


def test_what_a_recipe_can_name_is_named_by_a_test() -> None:
    """Steps and plug-ins are promises: being imported by something else is not enough for them."""
    members = [module for module in WITH_CODE if module.name.rpartition(".")[0] in FAMILIES]
    steps = [module for module in WITH_CODE if "class Config(StepConfig)" in module.text]
    assert len(members) >= 25
    assert len(steps) >= 15
    assert [module.name for module in (*members, *steps) if module.name not in NAMED] == []
