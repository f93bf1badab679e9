"""Preferences among a model's own answers, from the questions to the pairs: the same ones every time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.data.stand_ins import given, made
from tests.inference.conftest import encoder, folder, gemma2  # noqa: F401  # fixtures
from tests.inference.test_reward import Folder, build, opened

from zhiyin.artifacts import CompletionSet, PreferenceSet, RewardScores
from zhiyin.chat.encode import Encoder
from zhiyin.data import sample_preferences, sample_requests
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.inference import answer, reward
from zhiyin.records.conversation import Conversation, Message


def plan(model: Path, judge: Path) -> Sequence[Step[Any]]:
    """Wire the four steps; the answers are drawn, four for each question."""
    talks = [
        Conversation(str(n), (Message("user", "春眠" * n), Message("assistant", "不觉晓")), "s") for n in range(1, 6)
    ]
    asked = step(sample_requests.sample_requests, sample_requests.Config(samples=4), {"records": given(talks)})
    drawn = answer.Config(max_new_tokens=8, temperature=0.8, top_p=0.95, seed=42)
    answers = step(answer.answer, drawn, {"prompts": {"asked": asked}, "model": step(opened, Folder(folder=model))})
    rated = step(
        reward.reward,
        reward.Config(),
        {"prompts": asked, "completions": answers, "model": step(opened, Folder(folder=judge))},
    )
    inputs = {"prompts": asked, "completions": answers, "rewards": rated}
    pairs = step(sample_preferences.sample_preferences, sample_preferences.Config(cut_off="keep"), inputs)
    return asked, answers, rated, pairs


def test_pairs_are_best_and_worst_and_the_same_every_time(
    folder: Path,  # noqa: F811
    encoder: Encoder,  # noqa: F811
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    build("gemma2", encoder, tmp_path / "judge")
    asked, answers, rated, target = plan(folder, tmp_path / "judge")
    found: list[list[Any]] = []
    for name, tokens in (("one", 8192), ("two", 64)):
        runtime = Runtime(store=tmp_path / name, device="cpu", micro_batch_tokens=tokens)
        pairs: PreferenceSet = made(target, runtime)
        scores = {(one.prompt_id, one.sample): one.score for one in RewardScores(runtime.store / rated.folder)}
        texts = {
            (one.prompt_id, one.sample): one.text
            for one in CompletionSet(runtime.store / answers.folder).of(made(asked, runtime))
        }
        found.append([(pair.id, pair.chosen, pair.rejected) for pair in pairs])
        for pair in pairs:
            own = {key: score for key, score in scores.items() if key[0] == pair.id and texts[key].strip()}
            assert pair.chosen == texts[max(own, key=lambda key: own[key])]
            assert pair.rejected == texts[min(own, key=lambda key: own[key])]
            assert pair.meta["chosen_reward"] == pytest.approx(max(own.values()))
    assert found[0] == found[1]
    assert len(found[0]) >= 3
