"""Whether a model has come to prefer the better answers of held-out pairs, measured against a reference model."""

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

from pydantic import Field

from zhiyin.artifacts import PreferenceSet
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.choices import logprobs
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark


class PreferencePairs(Benchmark):
    """The implicit reward of direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290, section 4).

    The reward of an answer is beta times its log-probability under the model minus that under the reference model,
    both summed over the answer's tokens. The reference model measured against itself has margin 0 and accuracy 0.5.
    """

    needs: ClassVar = (PreferenceSet,)
    needs_reference: ClassVar[bool] = True

    beta: float = Field(default=0.1, gt=0)
    """Scale of the reward, as in training; `reward_margin` is in its unit."""
    rounding: float = Field(default=1e-3, ge=0)
    """Differences of log-probability up to this many nats are rounding: a tie, which counts one half."""
    limit: int | None = Field(default=None, ge=1)
    """Ask about the first pairs only, this many."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield one prompt for each pair: its turns, and (chosen, rejected) as choices."""
        if not isinstance(records, PreferenceSet):
            raise TypeError(f"the preference benchmark reads a PreferenceSet, not {records!r}")
        for pair in islice(records, self.limit):
            choices = (pair.chosen, pair.rejected)
            yield Prompt(id=pair.id, messages=pair.prompt, choices=choices, reference=pair.chosen, group=pair.kind)

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `reward_accuracy`, `reward_margin`, and `chosen_preferred`, which leaves the reference out.

        Accuracies are 1 when the chosen answer is ahead, 0.5 for a tie, 0 when it is behind. Raises `ValueError` when
        either model did not score both answers.
        """
        ahead = _ahead(prompt, completion, "the model")
        if reference is None:
            raise ValueError(f"prompt {prompt.id}: there is no reference answer, and a reward is measured against one")
        gain = ahead - _ahead(prompt, reference, "the reference model")
        yield Mark(prompt.id, "reward_accuracy", self._won(gain), extracted="", group=prompt.group)
        yield Mark(prompt.id, "reward_margin", self.beta * gain, extracted="", group=prompt.group)
        yield Mark(prompt.id, "chosen_preferred", self._won(ahead), extracted="", group=prompt.group)

    def _won(self, nats: float) -> float:
        return 0.5 if abs(nats) <= self.rounding else float(nats > 0)


def _ahead(prompt: Prompt, completion: Completion, whose: str) -> float:
    """Return by how many nats the chosen answer is more probable than the rejected one."""
    given = logprobs(prompt, completion)
    if not given:
        raise ValueError(f"prompt {prompt.id}: {whose} did not score the two answers; answer it again")
    return given[0] - given[1]
