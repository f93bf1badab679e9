"""Write what a judge is asked about answers and the baseline's, and the answers in the benchmark's own form."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zhiyin.artifacts import CompletionSet, PromptSet
from zhiyin.evaluation import alpaca_judge, arena_judge
from zhiyin.evaluation.alpaca_eval import Output, write_records
from zhiyin.evaluation.arena_hard import Answer, write
from zhiyin.evaluation.win_rate_pairs import ALPACA, Answered, answered, benchmark_of, with_baseline
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.prompt import Prompt


class Config(StepConfig):
    """How the answers are shown to the judge."""

    model: str = "model"
    """What the model is called in the files that the benchmarks' own tools read; the judge never sees it."""
    seed: int = 0
    """Seed of the coin that decides which answer AlpacaEval's judge sees first; Arena-Hard's sees both orders."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact] | None:
        """See `StepConfig`."""
        if not self.model.strip():
            raise ValueError("model: the answers need a name in the files that are written")
        return PromptSet


def win_rate_prompts(
    config: Config, *, out: Path, runtime: Runtime, prompts: PromptSet, completions: CompletionSet
) -> PromptSet:
    """Write the judge's prompts, to be answered by the judge; `win_rate` reads what it said.

    One for each answer of AlpacaEval, two (both orders) for each of Arena-Hard. Beside them lies `model_outputs.json`
    or `model_answer.jsonl`, which the benchmarks' own tools judge. Raises `ValueError` for prompts of another
    benchmark, for answers that do not fit the prompts, and for prompts without the baseline's answer.
    """
    benchmark, pairs = benchmark_of(prompts), answered(prompts, completions)
    with_baseline(pairs, benchmark)
    _export(config.model, benchmark, pairs, out)
    return PromptSet.write(out, _asked(config, benchmark, pairs))


def _asked(config: Config, benchmark: str, pairs: list[Answered]) -> Iterator[Prompt]:
    for prompt, completion in pairs:
        if benchmark == ALPACA:
            yield alpaca_judge.judge_prompt(prompt, completion.text, config.seed)
        else:
            yield from arena_judge.judge_prompts(prompt, completion.text)


def _export(model: str, benchmark: str, pairs: list[Answered], out: Path) -> None:
    """Write the answers as the benchmark's own tools read them."""
    if benchmark == ALPACA:
        outputs = [Output(one.messages[-1].content, answer.text, model, one.group) for one, answer in pairs]
        write_records(out / "model_outputs.json", outputs)
        return
    answers = []
    for one, answer in pairs:
        asked: dict[str, Any] = {"role": "user", "content": one.messages[-1].content}
        turns = [asked, {"role": "assistant", "content": {"answer": answer.text}}]
        answers.append(Answer(one.id, model, turns, ans_id=one.id))
    write(out / "model_answer.jsonl", answers)
