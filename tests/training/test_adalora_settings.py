"""AdaLoRA's settings: a schedule with room, ranks that can fall, and the published stages."""

from typing import Any

import pytest
from tests.training.house import House
from tests.training.test_adalora import adalora

from zhiyin.execution.catalog import make
from zhiyin.training.adapters import Method


@pytest.mark.parametrize(("tinit", "tfinal"), [(12, 12), (24, 0), (0.5, 0.5), (100, 0.1)])
def test_a_schedule_without_room_says_the_numbers(house: House, tinit: float, tfinal: float) -> None:
    first, last = (round(value * 24) if value < 1 else value for value in (tinit, tfinal))
    message = f"of 24 optimiser steps, tinit {first} and tfinal {last} leave none. Lower them"
    with pytest.raises(ValueError, match=message):
        house.make(adalora(house, {"tinit": tinit, "tfinal": tfinal}))


def test_ranks_that_cannot_fall_are_refused() -> None:
    """PEFT takes 12 -> 32 without a word, and no rank is ever taken away: what happened to the published stages."""
    with pytest.raises(ValueError, match="target_r 32 must be below init_r 12"):
        make(Method, {"name": "adalora", "target_r": 32})


PUBLISHED = {"stage1": (50_000, 64, 32, 32, 500, 2000), "stage2": (40_000, 48, 24, 24, 400, 1500)}
PUBLISHED["stage3"] = (30_000, 32, 16, 16, 300, 1000)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_at_its_published_length_has_the_published_numbers(name: str) -> None:
    steps, init_r, target_r, alpha, tinit, tfinal = PUBLISHED[name]
    method: Any = make(Method, {"name": "adalora", "preset": name})
    assert (method.init_r, method.target_r, method.alpha) == (init_r, target_r, alpha)
    assert method.phases(steps) == (tinit, tfinal)
    assert method.phases(steps // 100) == (tinit // 100, round(tfinal / 100))
    assert (method.dropout, method.deltaT, method.betas) == (0.05, 10, (0.85, 0.85))
    assert method.target_modules == ("q_proj", "k_proj", "v_proj", "o_proj")


def test_the_manifest_holds_what_a_preset_stands_for_and_own_settings_win() -> None:
    method = make(Method, {"name": "adalora", "preset": "stage1", "init_r": 40, "dropout": 0.0})
    plain = method.plain()
    assert "preset" not in plain
    assert (plain["init_r"], plain["target_r"], plain["dropout"], plain["tinit"]) == (40, 32, 0.0, 0.01)
    assert make(Method, plain, context={"recorded": True}) == method.model_copy(update={"preset": None})
