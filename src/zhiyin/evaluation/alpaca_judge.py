"""AlpacaEval 2's judge, in two pure halves: the prompt that it is asked, and the preference that its answer states.

The wording and the reading are those of `weighted_alpaca_eval_gpt4_turbo` (alpaca_eval 0.6.6): the judge names the
better model with one token, m or M, and the probabilities of the two tokens are the preference. It sees each pair once;
a coin decides which answer stands first.
"""

import hashlib
import math

from zhiyin.evaluation.alpaca_eval import Annotation
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

TOKENS = ("m", "M")
"""What the judge calls the answer that stands first, and the one that stands second."""
ANNOTATOR = "weighted_alpaca_eval"

SYSTEM = (
    "You are a highly efficient assistant, who evaluates and selects the best large language model (LLMs) based on the "
    "quality of their responses to a given instruction. This process will be used to create a leaderboard reflecting "
    "the most accurate and human-preferred answers."
)
OPENING = (
    "I require a leaderboard for various large language models. I'll provide you with prompts given to these models "
    "and their corresponding outputs. Your task is to assess these responses, and select the model that produces the "
    "best output from a human perspective."
)
UNORDERED = (
    "Here are the unordered outputs from the models. Each output is associated with a specific model, identified by a "
    "unique model identifier."
)
TASK = (
    "Evaluate the models based on the quality and relevance of their outputs, and select the model that generated the "
    "best output. Answer by providing the model identifier of the best model. We will use your output as the name of "
    "the best model, so make sure your output only contains one of the following model identifiers and nothing else "
    "(no quotes, no spaces, no new lines, ...): m or M."
)


def judge_prompt(asked: Prompt, answer: str, seed: int) -> Prompt:
    """Return what the judge is asked about an answer and the baseline's (`asked.reference`), under the same id."""
    outputs = (answer, asked.reference) if model_first(asked.id, seed) else (asked.reference, answer)
    shown = ",\n".join(
        f'    {{\n        "model_identifier": "{token}",\n        "output": """{output}"""\n    }}'
        for token, output in zip(TOKENS, outputs, strict=True)
    )
    question = asked.messages[-1].content
    parts = (
        OPENING,
        "## Instruction",
        f'{{\n    "instruction": """{question}""",\n}}',
        "## Model Outputs",
        UNORDERED,
        f"{{\n{shown}\n}}",
        "## Task",
        TASK,
        "## Best Model Identifier",
    )
    messages = (Message("system", SYSTEM), Message("user", "\n\n".join(parts)))
    return Prompt(asked.id, messages=messages, choices=TOKENS, group=asked.group)


def model_first(prompt_id: str, seed: int) -> bool:
    """Toss the pair's coin: whether the model's answer stands first. It depends on seed and id alone."""
    return hashlib.sha256(f"{seed}/{prompt_id}".encode()).digest()[0] % 2 == 1


def preference(logprobs: tuple[float, ...], first: bool) -> float | None:
    """Return 1 plus the probability of the model's token over that of both; None where the judge gave neither.

    `logprobs` are those of m and M; `first` says that the model's answer stood first.
    """
    if len(logprobs) != len(TOKENS) or any(map(math.isnan, logprobs)) or max(logprobs) == -math.inf:
        return None
    top = max(logprobs)
    shares = [math.exp(one - top) for one in logprobs]
    return 1 + shares[0 if first else 1] / sum(shares)


def annotation(asked: Prompt, answer: str, judged: Completion, model: str, seed: int) -> Annotation:
    """Return the record of `annotations.json` that a judge's completion states."""
    return Annotation(
        instruction=asked.messages[-1].content,
        output_1=asked.reference,
        generator_1=str(asked.meta["baseline"]),
        output_2=answer,
        generator_2=model,
        dataset=asked.group,
        annotator=ANNOTATOR,
        preference=preference(judged.choice_logprobs, model_first(asked.id, seed)),
        raw_completion={"m": judged.choice_logprobs[:1], "M": judged.choice_logprobs[1:]},
    )


def pair_marks(asked: Prompt, judged: Annotation) -> list[Mark]:
    """Return the mark `win_rate` of one pair, 0 to 1; nothing where the judge gave no preference."""
    if math.isnan(judged.share):
        return []
    return [Mark(asked.id, "win_rate", judged.share, extracted=f"{judged.preference:g}", group=asked.group)]
