"""The typed shape of a recipe file. What stands inside each entry is checked against the step it names."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from zhiyin.execution.config import Config


def _label(text: str) -> str:
    if not re.fullmatch(r"\w[\w-]*", text):
        raise ValueError("a label is made of letters, digits, `_` and `-`: it names links and is a word of key.path")
    if len(text) > 60:
        raise ValueError(f"a label has at most 60 characters, this one {len(text)}: it names links")
    return text


Label = Annotated[str, AfterValidator(_label)]


class Entry(Config):
    """One step: the file that makes it, and beside `name` its config fields and inputs."""

    model_config = ConfigDict(extra="allow")

    name: str
    """The file in the section's package: `collect` is `zhiyin/data/collect.py`."""

    @property
    def settings(self) -> dict[str, Any]:
        """Every key but `name`, as written."""
        return dict(self.model_extra or {})


Section = dict[Label, Entry]


class RecipeFile(Config):
    """A whole recipe. Sections may stand in any order and refer forward."""

    title: str
    """What the recipe makes, for people."""
    variables: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    """Values for `${name}`; a later one may use an earlier one, and the command line may set any."""
    licences: Literal["any", "commercial"] = "any"
    """`commercial` refuses every data set whose licence does not allow commercial use."""
    data: Section = Field(default_factory=dict)
    """Steps that collect, clean, mix and split records."""
    training: Section = Field(default_factory=dict)
    """Steps that train tokenizers and models."""
    weights: Section = Field(default_factory=dict)
    """Steps that make, fetch or merge checkpoints."""
    inference: Section = Field(default_factory=dict)
    """Steps that ask a model."""
    evaluation: Section = Field(default_factory=dict)
    """Steps that write prompts, mark answers and compare scores."""
    report: Section = Field(default_factory=dict)
    """Steps that write pages."""
    export: Section = Field(default_factory=dict)
    """Steps that convert and package a model for other programs."""


SECTIONS = tuple(name for name in RecipeFile.model_fields if name not in ("title", "variables", "licences"))
