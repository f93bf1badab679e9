"""What a step is: its identity, and the check of its inputs when the plan is built."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from tests.execution import toys
from tests.execution.toys import CountConfig, GatherConfig, JoinConfig, Number, Style, Text, count, gather, join

from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, in_order, parameters, step


def of(**fields: Any) -> Step[Text]:
    return step(gather, GatherConfig(**fields))


class TestIdentity:
    def test_it_is_the_same_in_another_process(self, tmp_path: Path, child_environment: dict[str, str]) -> None:
        code = "from tests.execution import toys; print(toys.counted().folder)"
        found = {
            subprocess.run(
                [sys.executable, "-c", code],
                env={**child_environment, "PYTHONHASHSEED": seed},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for seed in ("1", "2")
        }
        assert found == {toys.counted().folder}

    @pytest.mark.parametrize(
        "changed",
        [
            {"text": "春眠不觉晚"},
            {"times": 1.0000000000000002},
            {"style": Style(width=2)},
            {"style": Style(marks=("，", "！"))},
            {"style": Style(marks=("。", "，"))},
        ],
    )
    def test_every_leaf_of_the_config_counts(self, changed: dict[str, Any]) -> None:
        assert of(**changed).fingerprint != of().fingerprint

    def test_a_default_written_out_is_the_default(self) -> None:
        assert of(text="春眠不觉晓", times=1, style={"width": 1}).fingerprint == of().fingerprint

    def test_the_bytes_of_an_input_file_count_and_its_path_does_not(self, tmp_path: Path) -> None:
        here, there = tmp_path / "a", tmp_path / "b"
        here.write_text("同")
        there.write_text("同")
        assert of(file=here).fingerprint == of(file=there).fingerprint
        there.write_text("异")
        assert of(file=here).fingerprint != of(file=there).fingerprint

    def test_the_label_is_not_part_of_it(self) -> None:
        one, other = step(gather, GatherConfig(), label="a"), step(gather, GatherConfig(), label="b")
        assert one.folder == other.folder

    def test_the_runtime_is_not_part_of_it(self, tmp_path: Path) -> None:
        states: list[str] = []
        run([of()], Runtime(store=tmp_path), lambda event: states.append(event.state))
        other = Runtime(store=tmp_path, device="cpu", workers=2, micro_batch_tokens=1, checkpoint_seconds=1)
        run([of()], other, lambda event: states.append(event.state))
        assert states == ["making", "made", "held"]

    def test_the_verb_counts(self) -> None:
        def collect(config: GatherConfig, *, out: Path, runtime: Runtime) -> Text:
            return Text(out)

        assert step(collect, GatherConfig()).fingerprint != of().fingerprint
        assert step(collect, GatherConfig()).folder.startswith("collect-")

    def test_the_version_of_the_code_counts(self) -> None:
        class Next(GatherConfig):
            code_version: ClassVar[int] = 2

        def use(version: type[GatherConfig]) -> Step[Text]:
            return step(gather, version())

        assert use(Next).version == 2
        assert use(Next).fingerprint != use(GatherConfig).fingerprint

    def test_the_version_of_a_plugin_counts(self, make_family: Callable[..., ModuleType]) -> None:
        body = "class Sweet(Flavour):\n    code_version = {}\n"

        def taste(version: int) -> str:
            config = make_family(sweet=body.format(version)).CookConfig(flavour="sweet")
            found: StepConfig = config
            return Step("a", gather, found, {}, Text).fingerprint

        first, again, raised = taste(1), taste(1), taste(2)
        assert first == again
        assert first != raised

    def test_the_inputs_count_and_so_does_their_order_in_a_mapping(self) -> None:
        first, second = of(text="一"), of(text="二")

        def joined(**texts: Step[Text]) -> str:
            return step(join, JoinConfig(), {"texts": texts}).fingerprint

        plain = joined(a=first, b=second)
        assert joined(a=of(text="一"), b=of(text="二")) == plain
        assert joined(a=first, b=of(text="三")) != plain
        assert joined(a=first, c=second) != plain
        assert joined(b=second, a=first) != plain

    def test_the_order_of_the_inputs_of_a_step_does_not_count(self) -> None:
        text = of()
        seed = step(count, CountConfig(), {"text": text})
        one = step(join, JoinConfig(), {"texts": {"a": text}, "seed": seed})
        other = step(join, JoinConfig(), {"seed": seed, "texts": {"a": text}})
        assert one.fingerprint == other.fingerprint

    def test_a_number_that_is_none_has_no_identity(self) -> None:
        with pytest.raises(ValueError, match="not JSON compliant"):
            _ = of(times=float("nan")).fingerprint


class TestInputs:
    def test_a_missing_one_is_named_with_its_type(self) -> None:
        with pytest.raises(ValueError, match="tally: count needs the input 'text', Text"):
            step(count, CountConfig(), {}, label="tally")

    def test_an_unknown_one_is_told_the_nearest_and_all(self) -> None:
        with pytest.raises(ValueError, match=r"join has no input 'text' \(did you mean 'texts'\?\); .* texts, seed$"):
            step(join, JoinConfig(), {"text": of()})
        with pytest.raises(ValueError, match=r"gather has no input 'news'; it takes none"):
            step(gather, GatherConfig(), {"news": of()})

    def test_one_of_another_type_is_told_both(self) -> None:
        number = step(count, CountConfig(), {"text": of()}, label="tally")
        with pytest.raises(ValueError, match="count: input 'text' takes Text, but tally makes Number"):
            step(count, CountConfig(), {"text": number})

    def test_a_member_of_a_mapping_is_checked_too(self) -> None:
        number = step(count, CountConfig(), {"text": of()}, label="tally")
        with pytest.raises(ValueError, match=r"input 'texts' takes .*, but tally makes Number"):
            step(join, JoinConfig(), {"texts": {"a": of(), "b": number}})

    def test_a_mapping_is_not_one_step_and_one_step_is_not_a_mapping(self) -> None:
        with pytest.raises(ValueError, match="'texts' takes a mapping of names to steps"):
            step(join, JoinConfig(), {"texts": of()})
        with pytest.raises(ValueError, match="'text' takes one step"):
            step(count, CountConfig(), {"text": {"a": of()}})

    def test_an_optional_one_may_be_left_out(self) -> None:
        plan = step(join, JoinConfig(), {"texts": {"a": of()}})
        assert list(plan.flat_inputs) == ["texts.a"]

    def test_an_optional_mapping_is_a_mapping(self) -> None:
        def gloss(
            config: JoinConfig, *, out: Path, runtime: Runtime, texts: Mapping[str, Text | Number] | None = None
        ) -> Text:
            return Text(out)

        assert list(step(gloss, JoinConfig(), {"texts": {"a": of()}}).flat_inputs) == ["texts.a"]
        with pytest.raises(ValueError, match="'texts' takes a mapping"):
            step(gloss, JoinConfig(), {"texts": of()})

    def test_a_subclass_is_accepted(self) -> None:
        class Verse(Text):
            """A kind of text."""

        def rhyme(config: GatherConfig, *, out: Path, runtime: Runtime) -> Verse:
            return Verse(out)

        assert step(count, CountConfig(), {"text": step(rhyme, GatherConfig())}).produces is Number

    def test_the_result_may_depend_on_the_inputs(self) -> None:
        class Copy(StepConfig):
            def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact] | None:
                if inputs["original"] is Number:
                    raise ValueError("a number has no copy")
                return inputs["original"]

        def copy(config: Copy, *, out: Path, runtime: Runtime, original: Text | Number) -> Artifact:
            return Artifact(out)

        assert step(copy, Copy(), {"original": of()}).produces is Text
        with pytest.raises(ValueError, match="my copy: a number has no copy"):
            step(copy, Copy(), {"original": step(count, CountConfig(), {"text": of()})}, label="my copy")

    def test_the_result_may_depend_on_a_mapping_whose_steps_have_names(self) -> None:
        seen: list[list[str]] = []

        class Pick(StepConfig):
            def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact] | None:
                seen.append(sorted(inputs))
                return inputs["texts.b"]

        def pick(config: Pick, *, out: Path, runtime: Runtime, texts: Mapping[str, Text | Number]) -> Artifact:
            return Artifact(out)

        number = step(count, CountConfig(), {"text": of()})
        assert step(pick, Pick(), {"texts": {"a": of(), "b": number}}).produces is Number
        assert seen == [["texts.a", "texts.b"]]

    def test_parameters_are_the_inputs_alone(self) -> None:
        assert list(parameters(join)) == ["texts", "seed"]


def test_a_plan_is_in_order_and_each_artifact_is_in_it_once() -> None:
    plan = toys.counted()
    assert [s.label for s in in_order(plan, toys.poem())] == ["first", "second", "poem", "counted"]


def test_building_a_plan_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert toys.counted().folder.startswith("count-")
    assert os.listdir(tmp_path) == []
