"""Make pairs that teach to answer with the letter alone: the right letter against a model's wordy reply."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field

from zhiyin.artifacts import CompletionSet, PreferenceSet, PromptSet
from zhiyin.data.rejections import Rejections
from zhiyin.data.rows import BadRow
from zhiyin.data.sampling import rank
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt

NONE: Mapping[str, PromptSet] = MappingProxyType({})
"""What is protected where nothing is."""
COMPLIANT = "the reply is compliant"


class Config(StepConfig):
    """Which part of the pairs is written, and how the parts are drawn. But for `part`, two steps must agree."""

    code_version: ClassVar[int] = 2

    part: Literal["train", "validation"] = "train"
    """The part that this step writes."""
    validation: float = Field(default=0.2, ge=0, lt=1)
    """Share of each subject's pairs that is kept for validation, one pair at least; a single pair trains."""
    letters: str = Field(default="ABCD", min_length=2)
    """The letters that may be answered."""
    source: str = Field(default="compliance", min_length=1)
    """The name of the data set that the pairs become."""
    seed: int = 42
    """Another seed draws other pairs for validation."""


def compliance_pairs(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    prompts: PromptSet,
    completions: CompletionSet,
    protected: Mapping[str, PromptSet] = NONE,
) -> PreferenceSet:
    """Write a pair for each reply that is more than a letter: chosen is the right letter, rejected the reply.

    The questions become training data, so no score on them means anything afterwards: name the exams that are to be
    scored in `protected`, and a question that stands in one of them is an error. The summary holds `exam`, what was
    asked, and `strict_compliance`, the share of replies that are a letter and nothing else. Raises `ValueError` where
    the right answers are not known. Source: system 002, items 002-38 and 002-39; there the chosen letter was the
    model's own, right or wrong (X8), and the exam scored afterwards was the same one.
    """
    _refuse(prompts, protected)
    questions = list(prompts)
    replies = _first(completions, prompts)
    held_out = _validation(config, [one for one in questions if not _compliant(config, replies.get(one.id))])
    counts = dict.fromkeys(("compliant", "train", "validation"), 0)

    def pairs(rejected: Rejections) -> Iterator[Preference]:
        for prompt in questions:
            reply = replies.get(prompt.id)
            try:
                pair = _pair(config, prompt, reply)
            except BadRow as error:
                counts["compliant"] += str(error) == COMPLIANT
                rejected.add(Rejected(prompt.id, str(error), reply.text if reply else ""))
                continue
            part = "validation" if prompt.id in held_out else "train"
            counts[part] += 1
            if part == config.part:
                yield pair

    with Rejections() as rejected:
        made = PreferenceSet.write(out, pairs(rejected), rejected)
        rejected.check(made.summary["records"], 1.0, f"compliance_pairs, part {config.part}", out)
    facts = {"parts": counts, "strict_compliance": counts["compliant"] / len(questions)}
    return PreferenceSet(out, {**made.summary, **facts, "exam": prompts.manifest.config.get("benchmark", {})})


def _refuse(prompts: PromptSet, protected: Mapping[str, PromptSet]) -> None:
    """Raise `ValueError` when a question of a protected exam is about to be trained on."""
    ours = {_question(prompt): prompt.id for prompt in prompts}
    for name, exam in protected.items():
        shared = [(ours[_question(one)], one.id) for one in exam if _question(one) in ours]
        if shared:
            raise ValueError(
                f"{len(shared)} questions of {name} would be trained on, so it could not be scored any more; first "
                f"{shared[0][1]}, here {shared[0][0]}. Take another split or exam for one of the two"
            )


def _question(prompt: Prompt) -> str:
    """Return what is asked, without white space, whatever a protocol puts around it and however it orders the options.

    A prompt that does not say its question is told by its last turn.
    """
    said, options = prompt.meta.get("question"), prompt.meta.get("options")
    text = prompt.messages[-1].content if prompt.messages else prompt.text or ""
    if isinstance(said, str):
        text = "\n".join([said, *sorted(map(str, options if isinstance(options, list) else ()))])
    return "".join(text.split())


def _first(completions: CompletionSet, prompts: PromptSet) -> dict[str, Completion]:
    """Return the first reply to each question."""
    found: dict[str, Completion] = {}
    for completion in completions.of(prompts):
        found.setdefault(completion.prompt_id, completion)
    return found


def _compliant(config: Config, reply: Completion | None) -> bool:
    return reply is None or not reply.text.strip() or _is_letter(config, reply.text)


def _is_letter(config: Config, text: str) -> bool:
    return len(text.strip()) == 1 and text.strip() in config.letters


def _validation(config: Config, questions: list[Prompt]) -> set[str]:
    """Return the ids kept for validation: of each subject its share, rounded down, one at least."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for prompt in questions:
        groups[prompt.group].append(prompt.id)
    held_out: set[str] = set()
    for ids in groups.values():
        count = min(max(1, math.floor(config.validation * len(ids))), len(ids) - 1) if config.validation else 0
        held_out.update(sorted(ids, key=lambda key: (rank(config.seed, "compliance", key), key))[:count])
    return held_out


def _pair(config: Config, prompt: Prompt, reply: Completion | None) -> Preference:
    """Return the pair; raises `BadRow` with the reason where there is none."""
    if len(prompt.reference) != 1 or prompt.reference not in config.letters:
        raise ValueError(
            f"prompt {prompt.id}: the right answer is {prompt.reference!r}, which is none of {config.letters}; "
            "take a split whose answers are known"
        )
    if not prompt.messages:
        raise BadRow("the question is raw text")
    if reply is None or not reply.text.strip():
        raise BadRow("the reply is empty")
    if _is_letter(config, reply.text):
        raise BadRow(COMPLIANT)
    meta = {"answer": prompt.reference}
    return Preference(
        prompt.id, prompt.messages, prompt.reference, reply.text.strip(), config.source, prompt.group, {**meta}
    )
