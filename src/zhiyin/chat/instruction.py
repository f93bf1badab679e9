"""The prompt strings of Alpaca and its kin, taken apart into the text around each turn."""

from string import Formatter

from msgspec import Struct

SECTION = "\n\n"  # later turns stand behind a blank line, as the sections of these prompts do


class Prompts(Struct, frozen=True):
    """The three strings of such a template, as its JSON file holds them; braces are those of `str.format`."""

    prompt_input: str
    """Asks with an `{instruction}`, and behind it the `{input}` it is about."""
    prompt_no_input: str
    """Asks with an `{instruction}` alone."""
    response_split: str
    """The header of the answer; what either prompt writes from here on is the generation prefix."""


class Layout(Struct, frozen=True):
    """The text around instruction, input and answer; nothing in it is a placeholder any more."""

    alone: tuple[str, str]
    """Before and behind an instruction without input, up to the header of the answer."""
    with_input: tuple[str, str, str]
    """Before the instruction, between it and the input, and behind that, up to the header of the answer."""
    response: str
    """The header of the answer, and what both prompts write behind it."""

    @property
    def header(self) -> str:
        """The header of the instruction: the last line that is not blank in front of it, the preamble left out."""
        before = self.alone[0]
        return before[before.rstrip().rfind("\n") + 1 :]

    @property
    def texts(self) -> tuple[str, ...]:
        """Every piece of text."""
        return (*self.alone, *self.with_input, self.response)


def layout(prompts: Prompts) -> Layout:
    """Take the prompts apart; raises `ValueError` with the key, what was expected of it, and what to do."""
    if not prompts.response_split.strip():
        raise ValueError("`response_split` is empty; give the header of the answer, such as '### Response:'")
    split = prompts.response_split
    before, behind, response = _cut("prompt_no_input", prompts.prompt_no_input, ("instruction",), split)
    *around, other = _cut("prompt_input", prompts.prompt_input, ("instruction", "input"), split)
    if response != other:
        raise ValueError(
            f"`prompt_input` writes {other!r} from the response_split on, and `prompt_no_input` {response!r}; "
            "end both prompts alike, since an answer has one generation prefix"
        )
    first, between, last = around
    return Layout((before, behind), (first, between, last), response)


def _cut(key: str, text: str, names: tuple[str, ...], split: str) -> list[str]:
    """Return the text before, between and behind the placeholders, and from `split` on."""
    *literals, last = _literals(key, text, names)
    if last.count(split) != 1 or any(split in literal for literal in literals):
        raise ValueError(
            f"`{key}` must hold the response_split {split!r} once, behind {{{names[-1]}}}; "
            "end the prompt with it, or correct `response_split`"
        )
    place = last.index(split)
    return [*literals, last[:place], last[place:]]


def _literals(key: str, text: str, names: tuple[str, ...]) -> list[str]:
    """Return the text around the placeholders, which must be these, once each, in this order."""
    wanted = " and then ".join(f"{{{name}}}" for name in names)
    advice = f"`{key}` must hold {wanted}, once each, and no other braces ({{{{ and }}}} write a brace)"
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{advice}; reading it: {error}") from error
    literals, found = [""], []
    for literal, name, specification, conversion in parts:
        literals[-1] += literal
        if name is not None:
            found.append(
                name + (f"!{conversion}" if conversion else "") + (f":{specification}" if specification else "")
            )
            literals.append("")
    if tuple(found) != names:
        raise ValueError(f"{advice}; found: {', '.join(f'{{{name}}}' for name in found) or 'none'}")
    return literals
