"""Write the questions to a judge that rates each sampled answer by itself, where there is no reward model."""

from collections.abc import Iterator
from pathlib import Path

from zhiyin.artifacts import CompletionSet, PromptSet
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Message, Meta
from zhiyin.records.prompt import Prompt

ORDERS = """请给下面的回答打分，看它对提问者有多大帮助：是否正确、完整、切题，表达是否清楚自然。
最低0分，最高10分，可以用一位小数；不因为篇幅长而加分。先用一两句话说明理由，最后一行只写“分数：”和数字。"""
_ROLES = {"user": "用户", "assistant": "助手", "system": "系统"}


class Config(StepConfig):
    """How the judge is asked."""

    orders: str = ORDERS
    """What the judge is told; it must ask for the score on the last line of the reply."""


def rating_requests(
    config: Config, *, out: Path, runtime: Runtime, prompts: PromptSet, completions: CompletionSet
) -> PromptSet:
    """Write one prompt for each answer; `answer` puts them to the judge, and `ratings` reads its replies.

    The judge sees one answer at a time, so that no order of answers can sway it.
    """
    return PromptSet.write(out, _questions(config, prompts, completions))


def _questions(config: Config, prompts: PromptSet, completions: CompletionSet) -> Iterator[Prompt]:
    shown = {prompt.id: _shown(prompt) for prompt in prompts}
    for one in completions.of(prompts):
        text = f"{config.orders}\n\n<对话>\n{shown[one.prompt_id]}\n</对话>\n\n<回答>\n{one.text}\n</回答>"
        meta: Meta = {"item": one.prompt_id, "sample": one.sample}
        yield Prompt(f"{one.prompt_id}#{one.sample}", messages=(Message("user", text),), meta=meta)


def _shown(prompt: Prompt) -> str:
    turns = prompt.messages or (Message("user", prompt.text or ""),)
    return "\n".join(f"{_ROLES[turn.role]}：{turn.content}" for turn in turns)
