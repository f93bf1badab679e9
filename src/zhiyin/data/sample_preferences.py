"""Make preference pairs of a model's own answers: the best and the worst of several, by their rewards."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from pydantic import Field

from zhiyin.artifacts import CompletionSet, PreferenceSet, PromptSet, RewardScores
from zhiyin.data.rejections import Rejections
from zhiyin.data.rows import BadRow
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt


class Config(StepConfig):
    """Which pairs are good enough."""

    min_margin: float = Field(default=0.0, ge=0)
    """The reward of the chosen answer must be above that of the rejected one by more than this."""
    cut_off: Literal["leave_out", "keep"] = "leave_out"
    """What is done with answers that ended at the limit of tokens: their ends were never read by anyone."""
    source: str = Field(default="on_policy", min_length=1)
    """The name of the data set that the pairs become."""
    max_rejected: float = Field(default=1.0, ge=0, le=1)
    """Share of the questions that may give no pair; above it the step fails, as it does when none gives one."""


class _Answer(Struct, frozen=True):
    sample: int
    reward: float
    text: str


def sample_preferences(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    prompts: PromptSet,
    completions: CompletionSet,
    rewards: RewardScores,
) -> PreferenceSet:
    """Write a pair for each question, in their order: chosen has the highest reward, rejected the lowest.

    Of equal rewards the earlier sample counts, so the pairs depend on nothing but their inputs. A question whose
    answers are all alike, or tied, or within `min_margin`, or fewer than two, is set aside with its answers. The
    summary counts the answers left out: `cut off`, `empty`, `without a reward`. Source: system 004's
    `reward_model_annotate.py` and `post_process.py`, which had neither margin nor ties (X17).
    """
    scores = {(one.prompt_id, one.sample): one.score for one in rewards}
    answers: defaultdict[str, list[Completion]] = defaultdict(list)
    for completion in completions.of(prompts):
        answers[completion.prompt_id].append(completion)
    left_out: Counter[str] = Counter()

    def pairs(rejected: Rejections) -> Iterator[Preference]:
        for prompt in prompts:
            found = list(_usable(config, answers[prompt.id], scores, left_out))
            try:
                yield _pair(config, prompt, found)
            except BadRow as error:
                rejected.add(Rejected(prompt.id, str(error), msgspec.json.encode(found).decode("utf-8")))

    with Rejections() as rejected:
        made = PreferenceSet.write(out, pairs(rejected), rejected)
        rejected.check(made.summary["records"], config.max_rejected, "sample_preferences", out)
    return PreferenceSet(out, {**made.summary, "left_out": dict(left_out.most_common())})


def _usable(
    config: Config,
    answers: list[Completion],
    scores: Mapping[tuple[str, int], float],
    left_out: Counter[str],
) -> Iterator[_Answer]:
    """Yield the answers that may stand in a pair, by sample; the others are counted."""
    for one in sorted(answers, key=lambda one: one.sample):
        reward = scores.get((one.prompt_id, one.sample))
        if config.cut_off == "leave_out" and one.stopped == "length":
            left_out["cut off"] += 1
        elif not one.text.strip():
            left_out["empty"] += 1
        elif reward is None:
            left_out["without a reward"] += 1
        else:
            yield _Answer(one.sample, reward, one.text)


def _pair(config: Config, prompt: Prompt, answers: list[_Answer]) -> Preference:
    """Return the pair of best and worst; raises `BadRow` with the reason where there is none."""
    if not prompt.messages:
        raise BadRow("the question is raw text")
    if len(answers) < 2:
        raise BadRow("fewer than two answers")
    if len({answer.text.strip() for answer in answers}) == 1:
        raise BadRow("all answers are the same")
    # `max` and `min` take the first of equals, and the answers are in the order of their samples.
    best, worst = max(answers, key=lambda one: one.reward), min(answers, key=lambda one: one.reward)
    if best.reward == worst.reward:
        raise BadRow("the rewards are tied")
    if best.text.strip() == worst.text.strip():
        raise BadRow("best and worst are the same")
    if best.reward - worst.reward <= config.min_margin:
        raise BadRow(f"a margin of {config.min_margin:g} or less")
    meta = {
        "chosen_reward": best.reward,
        "rejected_reward": worst.reward,
        "chosen_sample": best.sample,
        "rejected_sample": worst.sample,
    }
    return Preference(prompt.id, prompt.messages, best.text, worst.text, config.source, prompt.group, {**meta})
