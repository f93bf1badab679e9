"""A recipe that looks at its data through the tokenizer it trains, and `zhiyin show` of what it found."""

from pathlib import Path

import pytest
from tests.data.stand_ins import made

from zhiyin.artifacts import Inspection
from zhiyin.cli.show import show
from zhiyin.execution.runtime import Runtime
from zhiyin.recipe.wiring import load_recipe

RECIPE = """title: Records as tokens
data:
  questions: {name: collect, source: {name: generated_instructions, part: train, count: 60, seed: 1}}
  prose: {name: as_text, records: questions}
  look: {name: inspect_records, records: [questions, prose], tokenizer: tokenizer, max_length: 60, samples: 1}
training:
  tokenizer: {name: tokenizer, texts: [prose], vocab_size: 400, template: gemma2}
"""


def test_tokens_are_shown_in_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "look.yaml"
    file.write_text(RECIPE, encoding="utf-8")
    store = tmp_path / "store"
    found = made(load_recipe(file).steps["look"], Runtime(store=store))
    assert isinstance(found, Inspection)
    (template,) = {row.template for row in found.lengths}
    assert found.summary[template]["questions"]["records"] == found.summary[template]["prose"]["records"] == 60
    assert {one.set for one in found.samples} == {"questions", "prose"}
    show(str(found.path), store)
    told = capsys.readouterr().out
    assert "Token by token; the loss counts what stands in «»" in told
    talk = next(one for one in found.samples if one.set == "questions")
    learnt = "|".join(piece.text.replace("\n", "↵\n") for piece in talk.pieces if piece.supervised)
    assert f"«{learnt}»" in told
