"""AlpacaEval 2: 805 open instructions. What an answer is worth a judge says afterwards, beside the baseline's."""

from collections.abc import Iterator

from pydantic import Field

from zhiyin.evaluation.alpaca_eval import read_outputs
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.win_rate_marks import length_and_end
from zhiyin.execution.config import InputPath
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark


class AlpacaEval(Benchmark):
    """The instructions of tatsu-lab/alpaca_eval, asked in one user turn each, without a system turn.

    The baseline's answer is kept as the prompt's reference, its name in `meta["baseline"]`: `win_rate` compares with
    it. `meta["index"]` is the instruction's place in the file, by which its difficulty is looked up. Groups are the
    five data sets that the instructions come from.
    """

    file: InputPath
    """The baseline's `model_outputs.json`: for AlpacaEval 2 that of `gpt4_1106_preview`."""
    limit: int | None = Field(default=None, ge=1)
    """Ask the first instructions only, this many."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield the instructions in the order of the file; ids are `data set/number from 0`."""
        for number, one in enumerate(read_outputs(self.file)[: self.limit]):
            group = one.dataset or "instructions"
            yield Prompt(
                id=f"{group}/{number}",
                messages=(Message("user", one.instruction),),
                reference=one.output,
                group=group,
                meta={"index": number, "baseline": one.generator},
            )

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `characters`, the length of the answer, and `stopped`."""
        yield from length_and_end(prompt, completion)
