"""Why a step will run: exactly the fields that differ, and the steps that stand on it."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from tests.execution.toys import CountConfig, GatherConfig, JoinConfig, Number, Style, Text, count, gather, join

from zhiyin.execution import explain as explain_module
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.explain import explain
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, in_order, step
from zhiyin.execution.store import Store


def plan(first: GatherConfig | None = None, separator: str = "，") -> Step[Number]:
    texts = {
        "first": step(gather, first or GatherConfig(), label="first"),
        "second": step(gather, GatherConfig(text="处处闻啼鸟"), label="second"),
    }
    poem = step(join, JoinConfig(separator=separator), {"texts": texts}, label="poem")
    return step(count, CountConfig(), {"text": poem}, label="tally")


def reasons(target: Step[Artifact], runtime: Runtime) -> dict[str, tuple[str, ...]]:
    """Return the reasons of every step that is not held."""
    lines = explain([target], Store(runtime.store))
    return {line.step.label: line.reasons for line in lines if not line.held}


def test_in_an_empty_store_nothing_was_ever_made(runtime: Runtime) -> None:
    assert reasons(plan(), runtime) == dict.fromkeys(("first", "second", "poem", "tally"), ("never made",))
    assert not runtime.store.exists()


def test_a_finished_plan_is_held(runtime: Runtime) -> None:
    run([plan()], runtime)
    lines = explain([plan()], Store(runtime.store))
    assert [(line.step.label, line.held, line.warning) for line in lines] == [
        (label, True, "") for label in ("first", "second", "poem", "tally")
    ]


def test_one_changed_leaf_is_named_and_only_what_stands_on_it_runs(runtime: Runtime) -> None:
    run([plan()], runtime)
    assert reasons(plan(GatherConfig(style=Style(width=3))), runtime) == {
        "first": ("config.style.width: 1 -> 3",),
        "poem": ("inputs.texts.first: {} -> first (to be made)".format(plan_folder("first")),),
        "tally": ("inputs.text: {} -> poem (to be made)".format(plan_folder("poem")),),
    }


def plan_folder(label: str) -> str:
    return next(each.folder for each in in_order(plan()) if each.label == label)


def test_a_change_in_the_middle_leaves_what_lies_below(runtime: Runtime) -> None:
    run([plan()], runtime)
    found = reasons(plan(separator="；"), runtime)
    assert list(found) == ["poem", "tally"]
    assert found["poem"] == ("config.separator: ， -> ；",)


def test_an_input_made_before_is_not_to_be_made(runtime: Runtime) -> None:
    changed = GatherConfig(style=Style(width=3))
    run([plan()], runtime)
    run([step(gather, changed, label="first")], runtime)
    assert reasons(plan(changed), runtime)["poem"] == (f"inputs.texts.first: {plan_folder('first')} -> first",)


def test_changed_bytes_are_named_and_a_moved_file_is_not(tmp_path: Path, runtime: Runtime) -> None:
    file = tmp_path / "a.txt"
    file.write_text("一")
    run([plan(GatherConfig(file=file))], runtime)
    moved = tmp_path / "b.txt"
    file.rename(moved)
    assert reasons(plan(GatherConfig(file=moved)), runtime) == {}
    moved.write_text("二")
    (reason,) = reasons(plan(GatherConfig(file=moved)), runtime)["first"]
    assert reason.startswith("config.file.sha256: ")


def test_a_list_that_became_empty_or_a_field_that_is_new_and_none_are_named(runtime: Runtime) -> None:
    run([step(gather, GatherConfig(), label="first")], runtime)
    emptied = step(gather, GatherConfig(style=Style(marks=())), label="first")
    assert reasons(emptied, runtime)["first"] == (
        "config.style.marks: (none) -> []",
        "config.style.marks.0: ， -> (none)",
        "config.style.marks.1: 。 -> (none)",
    )

    class Grown(GatherConfig):
        extra: str | None = None
        """A field the code got since."""

    assert reasons(step(gather, Grown(), label="first"), runtime)["first"] == ("config.extra: (none) -> None",)


def test_a_raised_version_is_named(runtime: Runtime) -> None:
    class Next(GatherConfig):
        code_version = 2

    run([step(gather, GatherConfig(), label="first")], runtime)
    assert reasons(step(gather, Next(), label="first"), runtime)["first"] == ("version: 1 -> 2",)


def test_a_raised_version_of_a_plugin_is_named(make_family: Callable[..., ModuleType], runtime: Runtime) -> None:
    def cook(config: StepConfig, *, out: Path, runtime: Runtime) -> Text:
        (out / "text.txt").write_text("菜")
        return Text(out)

    def meal(version: int) -> Step[Text]:
        module = make_family(sweet=f"class Sweet(Flavour):\n    code_version = {version}\n")
        return step(cook, module.CookConfig(flavour="sweet"))

    run([meal(1)], runtime)
    assert reasons(meal(2), runtime)["cook"] == ("config.flavour.code_version: 1 -> 2",)


def test_the_order_of_a_mapping_is_named(runtime: Runtime) -> None:
    one, two = (step(gather, GatherConfig(text=text), label=text) for text in "一二")
    run([step(join, JoinConfig(), {"texts": {"one": one, "two": two}})], runtime)
    turned = step(join, JoinConfig(), {"texts": {"two": two, "one": one}})
    assert reasons(turned, runtime)["join"] == ("order of inputs: texts.one, texts.two -> texts.two, texts.one",)


def test_an_input_that_came_or_went_is_named(runtime: Runtime) -> None:
    line = step(gather, GatherConfig(), label="line")
    seed = step(count, CountConfig(), {"text": line}, label="seed")
    bare = step(join, JoinConfig(), {"texts": {"a": line}})
    seeded = step(join, JoinConfig(), {"texts": {"a": line}, "seed": seed})
    run([bare], runtime)
    assert reasons(seeded, runtime)["join"] == ("inputs.seed: (none) -> seed (to be made)",)


def test_the_namesake_with_the_fewest_differences_is_the_kin(runtime: Runtime) -> None:
    for text in ("甲", "乙"):
        run([step(gather, GatherConfig(text=text, times=2), label="first")], runtime)
    run([step(gather, GatherConfig(text="丙"), label="other")], runtime)
    found = reasons(step(gather, GatherConfig(text="乙", times=3), label="first"), runtime)
    assert found["first"] == ("config.times: 2.0 -> 3.0",)


def test_code_that_changed_without_its_version_is_a_warning(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    line = step(gather, GatherConfig(), label="first")
    run([line], runtime)
    monkeypatch.setattr(explain_module, "code_hash", lambda module: "another")
    (found,) = explain([line], Store(runtime.store))
    assert found.held
    assert found.warning == "tests.execution.toys changed since, its version did not"
