"""Write the requests for dynamic system prompts: one for each of a share of the conversations, under its id."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from pydantic import Field

from zhiyin.artifacts import ConversationSet, PromptSet
from zhiyin.data.sampling import apportion, rank
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.prompt import Prompt

ORDERS = """你为对话模型撰写系统提示词。用户会给你一段对话，请写出放在它最前面的系统提示词，使助手会自然地这样待人作答。

要求：
1. 讲明助手是谁、擅长什么、该怎么做；
2. 讲明它的性格和与人交流的方式；
3. 讲明它守哪些原则、有哪些事不做；
4. 写得简短，三四句话、不超过{most}字，用对话所用的语言；
5. 这是写给助手的设定：不能像用户的提问或任务，不提也不解答对话里的具体问题。

只写系统提示词本身，不加标题、引号和说明。比如：
你是一位走过许多地方的旅行顾问，熟悉各地的交通和风俗。你说话亲切，先问清对方的打算，再给出几种选择。没有把握的消息你会说明，也不替别人做决定。"""
"""What the generator is told; the five requirements are those of system 002 (002-20), the words are our own."""
MOST_CHARACTERS = 200
"""What the generator is told to keep to."""
_ROLES = {"user": "用户", "assistant": "助手", "system": "系统"}


class Config(StepConfig):
    """Which conversations are asked about, and what the generator sees of them."""

    share: float = Field(default=0.4, ge=0, le=1)
    """Share of the conversations without a system turn of their own that are to get a prompt of their own."""
    hide_answers: bool = False
    """Show the generator what the user says and no answer, so that no prompt can give one away."""
    max_characters: int = Field(default=3000, ge=1)
    """What is shown of a conversation; the rest of a longer one is left out."""
    seed: int = 0
    """Another seed asks about other conversations."""


def system_prompt_requests(config: Config, *, out: Path, runtime: Runtime, records: ConversationSet) -> PromptSet:
    """Write one prompt for each conversation drawn; `answer` puts them to a model, `system_prompts` reads its replies.

    Who is drawn is told by a hash of seed and id. Source: system 002 of the specification, 002-19 and 002-20.
    """
    ids = sorted(
        (record.id for record in records if not has_own(record)),
        key=lambda key: (rank(config.seed, "dynamic", key), key),
    )
    drawn = set(ids[: how_many(config.share, len(ids))])
    return PromptSet.write(out, _requests(config, records, drawn))


def has_own(record: Conversation) -> bool:
    """Tell whether the conversation came with a system turn."""
    return record.messages[0].role == "system"


def how_many(share: float, total: int) -> int:
    """Return how many of the total a share is, rounded as all shares are."""
    return apportion({"share": share, "others": float(1 - Fraction(repr(share)))}, total)["share"]


def _requests(config: Config, records: ConversationSet, drawn: set[str]) -> Iterator[Prompt]:
    orders = Message("system", ORDERS.format(most=MOST_CHARACTERS))
    for record in records:
        if record.id in drawn:
            shown = Message("user", f"<对话>\n{_shown(config, record)}\n</对话>")
            yield Prompt(record.id, messages=(orders, shown), group=record.kind)


def _shown(config: Config, record: Conversation) -> str:
    turns = [turn for turn in record.messages if turn.role == "user" or not config.hide_answers]
    text = "\n".join(f"{_ROLES[turn.role]}：{turn.content}" for turn in turns)
    return text if len(text) <= config.max_characters else f"{text[: config.max_characters]}……"
