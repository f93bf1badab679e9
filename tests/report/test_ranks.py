"""The map of the ranks that AdaLoRA left."""

from typing import Any
from xml.etree import ElementTree

import pytest

from zhiyin.report.history import history
from zhiyin.report.ranks import MOST_TICKS, RankMap, rank_map

RANKS = {"model.layers.0.self_attn.q_proj": 0, "model.layers.0.mlp.up_proj": 4, "model.layers.10.self_attn.q_proj": 2}


def cells(svg: str) -> list[dict[str, str]]:
    """Return the cells, with what a pointer over them reads."""
    found = []
    for one in ElementTree.fromstring(svg).iter("rect"):
        assert one[0].text
        found.append({**one.attrib, "told": one[0].text})
    return found


def test_a_cell_stands_in_its_row_and_column_and_is_as_strong_as_its_rank() -> None:
    zero, four, two = cells(RankMap(RANKS).draw("Ranks", "layer"))
    assert [one["told"] for one in (zero, four, two)] == ["q_proj 0: 0", "up_proj 0: 4", "q_proj 10: 2"]
    assert [one["fill-opacity"] for one in (zero, four, two)] == ["0.00", "1.00", "0.50"]
    assert (float(zero["x"]), float(four["x"]), float(two["x"])) == (72, 72, 212)
    assert (float(zero["y"]), float(two["y"]), float(four["y"])) == (6, 6, 26)
    assert RankMap(RANKS).mean == 2.0


def test_the_words_are_the_readers_and_names_are_escaped() -> None:
    svg = RankMap({"model.layers.3.<b>": 1}).draw("各矩阵的秩", "层")
    assert 'aria-label="各矩阵的秩"' in svg
    assert [text.text for text in ElementTree.fromstring(svg).iter("text")] == ["<b>", "3", "层"]


@pytest.mark.parametrize("layers", [1, 10, 42, 80])
def test_few_layers_are_numbered_however_many_there_are(layers: int) -> None:
    svg = RankMap({f"model.layers.{layer}.q_proj": layer for layer in range(layers)}).draw("Ranks", "layer")
    numbers = [int(text.text or "") for text in ElementTree.fromstring(svg).iter("text") if (text.text or "").isdigit()]
    assert numbers[0] == 0
    assert min(layers, MOST_TICKS) / 2 <= len(numbers) <= MOST_TICKS
    assert len(cells(svg)) == layers
    assert max(float(one["x"]) + float(one["width"]) for one in cells(svg)) == pytest.approx(352, abs=1)


def test_the_page_shows_a_map_for_each_adapter_that_has_ranks(made: dict[str, Any], html: str) -> None:
    maps = [found for node in history([made["page"]]) if (found := rank_map(node))]
    assert len(maps) >= 1
    assert html.count("Ranks of the matrices</figcaption>") + html.count("Ranks of the matrices · ") == len(maps)
    assert "From 0 to 4, on average 1.75" in html
