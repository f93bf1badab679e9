"""The page says what its records were collected from, and what that allows."""

import json
from pathlib import Path
from typing import Any

from zhiyin.data import collect
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.report import page
from zhiyin.report.history import history
from zhiyin.report.licences import licences


def test_each_collected_set_is_a_row_with_its_licence(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps([{"instruction": "问", "output": "答"}]), encoding="utf-8")
    research = {"name": "CC BY-NC 4.0", "commercial": False, "terms": "Research <only>."}
    sources: dict[str, dict[str, Any]] = {
        "own": {"name": "alpaca_json", "files": [tmp_path / "own.json"], "licence": research, "label": "own_set"},
        "unstated": {"name": "alpaca_json", "files": [tmp_path / "own.json"]},
        "made": {"name": "generated_instructions", "part": "train", "count": 20},
    }
    data = {
        label: step(collect.collect, collect.Config.model_validate({"source": fields}), label=label)
        for label, fields in sources.items()
    }
    target = step(page.page, page.Config(title="题"), {"data": data}, label="page")
    *_, made = run([target], Runtime(store=tmp_path / "store"))
    found = {one.node.label: one for one in licences(history([made]))}
    assert {label: (one.data_set.name, one.data_set.licence.commercial, one.kept) for label, one in found.items()} == {
        "own": ("own_set", False, 1),
        "unstated": ("alpaca_json", None, 1),
        "made": ("generated_instructions", True, 20),
    }
    html = (made.path / "page.html").read_text(encoding="utf-8")
    assert html.count('<table class="sets licences">') == 1
    assert "CC BY-NC 4.0" in html
    assert "Research &lt;only&gt;." in html
    assert "<b>not allowed</b>" in html
    assert html.count(">allowed<") == 1
    assert "own.json" in html
