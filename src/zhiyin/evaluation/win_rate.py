"""Win rates against a baseline, from what a judge said of the answers: AlpacaEval 2 and Arena-Hard."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from zhiyin.artifacts import REJECTED, CompletionSet, PromptSet, ScoreSet
from zhiyin.evaluation.win_rate_pairs import ALPACA, Words, answered, benchmark_of, how_answered
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import InputPath, StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.score import Mark, Overview


class Config(StepConfig):
    """Where the judge's words are, and what is held still."""

    annotations: InputPath | None = None
    """AlpacaEval's `annotations.json`, or Arena-Hard's `model_judgment` of these answers; absent where `verdicts` are
    given."""
    gamed: InputPath | None = None
    """AlpacaEval's `df_gamed.csv`; with it, the length-controlled win rate is fitted too."""
    strength: float | None = Field(default=None, gt=0)
    """C of that fit's L1 penalty, 1/C being its weight; found by cross-validation when absent, as the original does."""
    style: Literal["none", "length", "all"] = "none"
    """Of Arena-Hard: also a win rate between answers of equal length (characters), or of equal length and Markdown."""
    several: Literal["unparsed", "last"] = "unparsed"
    """Of Arena-Hard: a judge's answer with several different verdicts counts as none (v0.1), or as the last (v2)."""
    resamples: int = Field(default=1000, ge=100)
    """Bootstrap resamples, each of whole questions."""
    seed: int = 0
    """Seed of the bootstrap."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact] | None:
        """Check that the judge's words come from one place."""
        given = {"judge_prompts", "verdicts"} & inputs.keys()
        if (self.annotations is None) != (len(given) == 2) or len(given) == 1:
            raise ValueError(
                "a win rate reads either `annotations`, a file, or `judge_prompts` with `verdicts`, what the judge "
                "answered to them"
            )
        return ScoreSet


def win_rate(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    prompts: PromptSet,
    completions: CompletionSet,
    judge_prompts: PromptSet | None = None,
    verdicts: CompletionSet | None = None,
) -> ScoreSet:
    """Write `marks.jsonl`, `scores.jsonl`, and the judge's words in the benchmark's own form; the summary: `Overview`.

    `win_rate` is the mean share that the answers win against the baseline's, 0 to 1; `length_controlled_win_rate` and
    `style_controlled_win_rate` are fitted, so they have scores and no marks. What the judge did not decide is left
    out of the rates, counted as unanswered and named in `rejected.jsonl`. Raises `ValueError` for prompts of another
    benchmark, and for words about other answers than these.
    """
    from zhiyin.evaluation.significance import Resampling
    from zhiyin.evaluation.win_rate_alpaca import alpaca
    from zhiyin.evaluation.win_rate_arena import arena
    from zhiyin.evaluation.win_rate_sums import added_up, points

    benchmark, pairs = benchmark_of(prompts), answered(prompts, completions)
    words = Words(config.annotations, judge_prompts, verdicts).about(prompts, completions)
    plan = Resampling(resamples=config.resamples, seed=config.seed)
    if benchmark == ALPACA:
        judged = alpaca(pairs, words, out, config.gamed, config.strength, plan)
    else:
        judged = arena(pairs, words, out, config.style, config.several, plan)
    lengths = [
        Mark(one.id, "characters", float(len(answer.text)), answer.text or None, group=one.group)
        for one, answer in pairs
    ]
    jsonl.write(out / "marks.jsonl", [*judged.marks, *lengths])
    jsonl.write(out / REJECTED, judged.rejected)
    scores = added_up(benchmark, judged, lengths, plan)
    jsonl.write(out / "scores.jsonl", scores)
    overview = Overview(
        benchmark=benchmark,
        protocol=_protocol(config, prompts, completions, judged.judge),
        prompts_hash=_hash_of(prompts),
        average="micro",
        measures={one.measure: one for one in scores if one.group == ""},
        truncated=sum(answer.truncated for _, answer in pairs),
        exam=None,
        warnings=(*judged.warnings, *points(scores)),
    )
    return ScoreSet(out, overview.plain())


def _hash_of(prompts: PromptSet) -> str:
    return prompts.manifest.results["records.jsonl"][:12]


def _protocol(config: Config, prompts: PromptSet, completions: CompletionSet, judge: object) -> str:
    """Return a hash over the prompts, how they were answered, who judged how, and what is held still.

    A file of annotations is about one model's answers, so its bytes do not enter, but the judge it names does.
    """
    held = config.model_dump(mode="json", exclude={"annotations"}, context={"identity": True})
    how = [_hash_of(prompts), how_answered(completions), judge, held]
    return hashlib.sha256(json.dumps(how, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]
