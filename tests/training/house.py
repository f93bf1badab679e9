"""A small tokenizer and small random models of two architectures, made by the real steps, and a few records."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zhiyin.artifacts import Checkpoint, ConversationSet, PreferenceSet, TextSet
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference
from zhiyin.training import tokenizer as tokenizer_step
from zhiyin.weights import tiny

CAPITALS = {
    "湖北": "武汉",
    "湖南": "长沙",
    "广东": "广州",
    "江苏": "南京",
    "浙江": "杭州",
    "四川": "成都",
    "福建": "福州",
}


class Nothing(StepConfig):
    """No settings."""


def documents(config: Nothing, *, out: Path, runtime: Runtime) -> TextSet:
    """Forty short texts."""
    texts = [
        f"{province}省的省会是{city}。{n}加{n + 3}等于{2 * n + 3}。"
        for n in range(6)
        for province, city in CAPITALS.items()
    ]
    return TextSet.write(out, [Document(f"d{i}", text, "test") for i, text in enumerate(texts)])


def conversations(config: Nothing, *, out: Path, runtime: Runtime) -> ConversationSet:
    """Questions of different lengths, one of them with a system turn."""
    records = []
    for i, (province, city) in enumerate(CAPITALS.items()):
        question = Message("user", f"{province}的省会是哪里？" + "请回答。" * i)
        system = (Message("system", "你是地理老师。"),) if i == 0 else ()
        records.append(
            Conversation(f"c{i}", (*system, question, Message("assistant", f"{city}。" * (i % 3 + 1))), "test")
        )
    return ConversationSet.write(out, records)


def preferences(config: Nothing, *, out: Path, runtime: Runtime) -> PreferenceSet:
    """A right and brief answer against a wrong and long one."""
    records = [
        Preference(
            f"p{i}",
            (Message("user", f"{province}的省会是哪里？"),),
            f"{city}。",
            "我不太清楚，也许是北京。" * (i % 2 + 1),
            "test",
        )
        for i, (province, city) in enumerate(CAPITALS.items())
    ]
    return PreferenceSet.write(out, records)


@dataclass(frozen=True)
class House:
    """A store, and the steps every training test starts from."""

    runtime: Runtime
    texts: Step[TextSet]
    chats: Step[ConversationSet]
    pairs: Step[PreferenceSet]
    gemma: Step[Checkpoint]
    llama: Step[Checkpoint]

    def make(self, *targets: Step[Any]) -> Any:
        """Run the plan of the targets and return the last target's artifact."""
        return run(targets, self.runtime)[-1]


def build(store: Path) -> House:
    """Return a store that holds the base models, on the CPU."""
    runtime = Runtime(store=store, device="cpu")
    texts, chats, pairs = step(documents, Nothing()), step(conversations, Nothing()), step(preferences, Nothing())
    config = tokenizer_step.Config.model_validate({"vocab_size": 400, "template": "gemma2"})
    tokens = step(tokenizer_step.tokenizer, config, {"texts": {"texts": texts, "chats": chats}})
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "head_dim": 16, "sliding_window": 8}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    gemma, llama = (
        step(tiny.tiny, tiny.Config.model_validate({**sizes, **heads, "architecture": name}), {"tokenizer": tokens})
        for name in ("gemma2", "llama")
    )
    found = House(runtime, texts, chats, pairs, gemma, llama)
    found.make(texts, chats, pairs, gemma, llama)
    return found
