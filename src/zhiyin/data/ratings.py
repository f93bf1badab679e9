"""Read a judge's replies as rewards: the score on the last line that holds one."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from zhiyin.artifacts import CompletionSet, PromptSet, RewardScores
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.reward import Reward

MOST = 10
"""The best score."""
_SCORE = re.compile(
    r"(?:分数|得分|评分|score)\W{0,6}(\d{1,2}(?:\.\d+)?)(?!\s*[-~–—至到]\s*\d)(?![\d%.])\s*(?:分|/\s*10)?\W*$",
    re.IGNORECASE | re.MULTILINE,
)


class Config(StepConfig):
    """Nothing to set."""


def ratings(
    config: Config, *, out: Path, runtime: Runtime, requests: PromptSet, completions: CompletionSet
) -> RewardScores:
    """Write the rewards in the order of the answers; a reply without a score from 0 to 10 is counted as `unread`."""
    unread: Counter[str] = Counter()

    def read() -> Iterator[Reward]:
        replies = {one.prompt_id: one.text for one in completions.of(requests)}
        for request in requests:
            score = score_in(replies.get(request.id, ""))
            if score is None:
                unread["unread"] += 1
            else:
                yield Reward(str(request.meta["item"]), int(str(request.meta["sample"])), score)

    made = RewardScores.write(out, read())
    return RewardScores(out, {**made.summary, "unread": unread["unread"]})


def score_in(reply: str) -> float | None:
    """Return the last score that a line ends with, or None where there is none or it is above the best one."""
    found = _SCORE.findall(unicodedata.normalize("NFKC", reply).replace("*", ""))
    return float(found[-1]) if found and float(found[-1]) <= MOST else None
