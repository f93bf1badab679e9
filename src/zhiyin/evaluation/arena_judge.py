"""Arena-Hard's judge, in two pure halves: the two prompts that it is asked, and the judgment that its words state.

Wording and reading are those of lmarena/arena-hard-auto: the judge sees both answers twice, the baseline's first and
then the model's first, explains, and ends with one of five verdicts.
"""

from collections.abc import Sequence

from zhiyin.evaluation.arena_hard import WORTH, Battle, Game, Judgment, Several, verdict
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

CREATIVE = "creative_writing"
"""The one category whose judge does not write an answer of its own first."""

_ROLE = (
    "Please act as an impartial judge and evaluate the quality of the responses provided by two AI assistants to the "
    "user prompt displayed below. You will be given assistant A's answer and assistant B's answer. Your job is to "
    "evaluate which assistant's answer is better."
)
_OWN_ANSWER = (
    "Begin your evaluation by generating your own answer to the prompt. You must provide your answers before judging "
    "any answers."
)
_COMPARE = (
    "When evaluating the assistants' answers, compare both assistants' answers{with_own}. You must identify and "
    "correct any mistakes or inaccurate information."
)
_HELPFUL = (
    "Then consider if the assistant's answers are helpful, relevant, and concise. Helpful means the answer correctly "
    "responds to the prompt or follows the instructions. Note when user prompt has any ambiguity or more than one "
    "interpretation, it is more helpful and appropriate to ask for clarifications or more information from the user "
    "than providing an answer based on assumptions. Relevant means all parts of the response closely connect or are "
    "appropriate to what is being asked. Concise means the response is clear and not verbose or excessive."
)
_CREATIVITY = (
    "Then consider the creativity and novelty of the assistant's answers when needed. Finally, identify any missing "
    "important information in the assistants' answers that would be beneficial to include when responding to the user "
    "prompt."
)
_VERDICTS = (
    "After providing your explanation, you must output only one of the following choices as your final verdict with a "
    "label:\n\n"
    "1. Assistant A is significantly better: [[A>>B]]\n"
    "2. Assistant A is slightly better: [[A>B]]\n"
    "3. Tie, relatively the same: [[A=B]]\n"
    "4. Assistant B is slightly better: [[B>A]]\n"
    "5. Assistant B is significantly better: [[B>>A]]\n\n"
    'Example output: "My final verdict is tie: [[A=B]]".'
)


def system_prompt(category: str) -> str:
    """Return what the judge is told about its task."""
    own = category != CREATIVE
    compare = _COMPARE.format(with_own=" with your answer" if own else "")
    parts = (_ROLE, *((_OWN_ANSWER,) if own else ()), compare, _HELPFUL, _CREATIVITY, _VERDICTS)
    return "\n\n".join(parts)


def judge_prompts(asked: Prompt, answer: str) -> tuple[Prompt, Prompt]:
    """Return the two games about an answer and the baseline's (`asked.reference`); ids are `question/1` and `/2`."""
    orders = ((asked.reference, answer), (answer, asked.reference))
    question, system = asked.messages[-1].content, Message("system", system_prompt(asked.group))
    first, second = (
        Prompt(
            id=f"{asked.id}/{number}",
            messages=(
                system,
                Message(
                    "user",
                    f"<|User Prompt|>\n{question}\n\n"
                    f"<|The Start of Assistant A's Answer|>\n{one}\n<|The End of Assistant A's Answer|>\n\n"
                    f"<|The Start of Assistant B's Answer|>\n{other}\n<|The End of Assistant B's Answer|>",
                ),
            ),
            group=asked.group,
        )
        for number, (one, other) in enumerate(orders, start=1)
    )
    return first, second


def judgment(asked: Prompt, said: Sequence[Completion], model: str, several: Several) -> Judgment:
    """Return the line of `model_judgment` that a judge's words on both games state."""
    games: list[Game | None] = [Game(verdict(one.text, several), {"answer": one.text}) for one in said]
    return Judgment(asked.id, model, games, category=asked.group, baseline=str(asked.meta["baseline"]))


def pair_marks(asked: Prompt, played: Sequence[Battle]) -> list[Mark]:
    """Return the marks of one question's verdicts; nothing where none could be read.

    `win_rate` holds the weighted sum of what was won over the summed weights, so that its average over questions is
    Bradley and Terry's win rate. `orders_agree` is 1 when both orders favour the same side, 0 when they do not.
    """
    if not played:
        return []
    won, weight = sum(one.weight * one.share for one in played), sum(one.weight for one in played)
    extracted = " ".join(f"{one.share:g}x{one.weight:g}" for one in played)
    marks = [Mark(asked.id, "win_rate", won, extracted=extracted, group=asked.group, weight=weight)]
    if len(played) == 2:
        sides = [(one.share > WORTH["A=B"]) - (one.share < WORTH["A=B"]) for one in played]
        agree = float(sides[0] == sides[1])
        marks.append(Mark(asked.id, "orders_agree", agree, extracted=extracted, group=asked.group))
    return marks
