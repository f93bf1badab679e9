"""Who is an ancestor of whom, what each step is called, and which runs it belongs to."""

from typing import Any

from zhiyin.execution.artifact import Manifest
from zhiyin.report.history import Runs, distinct, history

RUNS = Runs(
    ("a", "b", "c"),
    {"base": frozenset("abc"), "sft": frozenset("ab"), "dpo": frozenset("c")},
)


def manifest(label: str, fingerprint: str) -> Manifest:
    return Manifest(
        label=label,
        kind="train",
        module="m",
        version=1,
        fingerprint=fingerprint,
        config={},
        inputs={},
        files={},
        summary={},
        provenance={},
    )


def test_a_label_says_which_runs_have_it_unless_all_do() -> None:
    labels = {folder: RUNS.named(folder, "model") for folder in ("base", "sft", "dpo", "gate")}
    assert labels == {"base": "model", "sft": "a, b · model", "dpo": "c · model", "gate": "model"}
    assert [RUNS.place(folder) for folder in ("base", "sft", "dpo", "gate")] == [0, 0, 2, 0]


def test_on_a_page_about_one_recipe_labels_stay_as_they_are() -> None:
    assert Runs().named("sft", "model") == "model"
    assert Runs(("a",), {"sft": frozenset("a")}).named("sft", "model") == "model"


def test_what_still_has_one_label_gets_the_start_of_its_fingerprint() -> None:
    made = {"sft": manifest("m", "1111aa"), "dpo": manifest("m", "2222bb"), "other": manifest("m", "3333cc")}
    assert distinct(made, RUNS) == {"sft": "a, b · m", "dpo": "c · m", "other": "m"}
    assert distinct(made) == {"sft": "m (1111)", "dpo": "m (2222)", "other": "m (3333)"}


def test_the_runs_of_an_artifact_are_those_whose_page_comes_from_it(made: dict[str, Any]) -> None:
    runs = Runs.of({"whole": made["page"], "part": made["sft_merged"]})
    assert runs.names == ("whole", "part")
    assert runs.members[made["prose"].path.name] == {"whole", "part"}
    assert runs.members[made["control"].path.name] == {"whole"}
    assert runs.shared(made["sft"].path.name)
    assert not runs.shared(made["page"].path.name)


def test_inputs_come_before_what_reads_them_and_each_stands_once(made: dict[str, Any]) -> None:
    nodes = history([made["sft_merged"], made["control"], made["sft"]])
    places = {node.folder: number for number, node in enumerate(nodes)}
    assert len(places) == len(nodes)
    assert all(places[parent] < places[node.folder] for node in nodes for parent in node.parents)
    named = history([made["sft_merged"], made["control"]], Runs.of({"x": made["sft_merged"], "y": made["control"]}))
    labels = {node.label for node in named}
    assert {"x · sft", "y · control", "raw", "start"} <= labels
