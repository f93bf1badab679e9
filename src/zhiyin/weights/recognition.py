"""Which of our templates is the one that a model from elsewhere brings along, found by rendering with both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zhiyin.chat.encode import Encoder
from zhiyin.chat.templates import Template
from zhiyin.execution.catalog import make, names
from zhiyin.records.conversation import Message

QUESTION, ANSWER = Message("user", "春眠 spring？"), Message("assistant", "不觉晓。")
DIALOGUES = (
    (QUESTION,),
    (QUESTION, ANSWER, QUESTION),
    (Message("system", "请用中文回答。"), QUESTION),
)
"""What is rendered; the system turn last, which some formats refuse."""


def recognised(folder: Path) -> Template | None:
    """Return the template under which our token ids are those of the tokenizer's own chat template; None without one.

    A dialogue that the model's template refuses says nothing. Of several that agree, the first by name counts.
    """
    from transformers import AutoTokenizer

    foreign: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    theirs = [_rendered(foreign, dialogue) for dialogue in DIALOGUES] if foreign.chat_template else []
    if not any(theirs):
        return None
    for name in names(Template):
        try:
            template: Template = make(Template, name)
            encoder = Encoder(foreign.backend_tokenizer, template)
            agree = all(encoder.prompt(dialogue) == ids for dialogue, ids in zip(DIALOGUES, theirs, strict=True) if ids)
        except ValueError:  # needs settings, or other control tokens, or refuses what the model's own renders
            continue
        if agree:
            return template
    return None


def _rendered(foreign: Any, dialogue: Sequence[Message]) -> list[int]:
    """Return the ids of a prompt; none where the model's template refuses the roles."""
    from jinja2 import TemplateError

    turns = [{"role": turn.role, "content": turn.content} for turn in dialogue]
    try:
        ids: list[int] = foreign.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    except TemplateError:
        return []
    return ids
