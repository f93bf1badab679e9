"""Answer many prompts by one strategy at once: the questions of all of them in one round are asked in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from zhiyin.inference.engines import Advance, Question, Session
from zhiyin.inference.sampling import Sampling
from zhiyin.inference.strategies import Rounds, Strategy
from zhiyin.records.prompt import Completion, Prompt


@dataclass
class _Dialogue:
    """One prompt being answered once, and the questions it waits for."""

    prompt: Prompt
    sample: int
    rounds: Rounds
    waiting: Sequence[Prompt]
    answer: Completion | None = None


@dataclass(frozen=True)
class Interview:
    """A model, how it is asked, and how its answers are drawn."""

    session: Session
    strategy: Strategy
    sampling: Sampling

    def ask(self, prompts: Sequence[Prompt], advance: Advance) -> list[Completion]:
        """Return the answers in the order of the prompts, the samples of one side by side.

        A prompt with choices is scored once, without the strategy. `advance` hears of every question answered.
        """
        self._check(prompts)
        scored = [prompt for prompt in prompts if prompt.choices]
        scores = iter(self.session.score(scored, advance) if scored else [])
        answers = iter(self._converse([prompt for prompt in prompts if not prompt.choices], advance))
        return [
            completion
            for prompt in prompts
            for completion in ([next(scores)] if prompt.choices else [next(answers) for _ in range(prompt.samples)])
        ]

    def _check(self, prompts: Sequence[Prompt]) -> None:
        for prompt in prompts:
            if self.sampling.greedy and prompt.samples > 1:
                raise ValueError(
                    f"prompt {prompt.id!r} asks for {prompt.samples} samples, which are all the same at temperature 0; "
                    "set a temperature above 0"
                )

    def _converse(self, prompts: Sequence[Prompt], advance: Advance) -> list[Completion]:
        dialogues = []
        for prompt in prompts:
            for sample in range(prompt.samples):
                rounds = self.strategy.answer(prompt)
                dialogues.append(_Dialogue(prompt, sample, rounds, next(rounds)))
        number = 0
        while open_ones := [dialogue for dialogue in dialogues if dialogue.answer is None]:
            self._round(open_ones, number, advance)
            number += 1
        return [
            structs.replace(dialogue.answer, prompt_id=dialogue.prompt.id, sample=dialogue.sample)
            for dialogue in dialogues
            if dialogue.answer is not None
        ]

    def _round(self, dialogues: Sequence[_Dialogue], number: int, advance: Advance) -> None:
        """Ask what every dialogue waits for, and take each to its next questions or to its answer."""
        questions = [
            Question(asked, f"{dialogue.prompt.id}/{dialogue.sample}/{number}/{place}")
            for dialogue in dialogues
            for place, asked in enumerate(dialogue.waiting)
        ]
        to_score = [question.prompt for question in questions if question.prompt.choices]
        to_generate = [question for question in questions if not question.prompt.choices]
        scores = iter(self.session.score(to_score, advance) if to_score else [])
        texts = iter(self.session.generate(to_generate, self.sampling, advance) if to_generate else [])
        for dialogue in dialogues:
            heard = [next(scores) if asked.choices else next(texts) for asked in dialogue.waiting]
            try:
                dialogue.waiting = dialogue.rounds.send(heard)
            except StopIteration as end:
                dialogue.answer = end.value
