"""What the Jinja and Ollama texts promise beyond the contract test of the family (tests/families)."""

import pytest
from jinja2 import DictLoader, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tests.chat.toys import as_dicts, decoded, small_encoder

from zhiyin.chat.encode import Encoder
from zhiyin.chat.export import jinja, ollama, ollama_stops
from zhiyin.chat.templates import Form, Template, Turn
from zhiyin.chat.templates.alpaca_legacy import AlpacaLegacy
from zhiyin.chat.templates.alpaca_short import AlpacaShort
from zhiyin.chat.templates.chinese_domain import ChineseDomain
from zhiyin.chat.templates.gemma2 import Gemma2
from zhiyin.chat.templates.gemma2_system import Gemma2System
from zhiyin.chat.templates.llama3 import Llama3
from zhiyin.chat.templates.prompt_json import PromptJson
from zhiyin.records.conversation import Message, Role


class Quoting(Template):
    """A format without control tokens around its turns, full of what a template language trips over."""

    def form(self) -> Form:
        """See `Template`."""
        return Form(
            bos="<s>",
            eos="</s>",
            pad="</s>",
            markers=(),
            stops=("</s>",),
            system=Turn("\\sys 'it' \"is\"\n", "\n\n"),
            user=Turn("{# no #} {% no %}\n", "\\n"),
            assistant=Turn("### 'Response':\n", "</s>"),
        )


def bare() -> PromptJson:
    """Return a format whose instruction has no header, and braces where Go has its own."""
    return PromptJson(
        prompt_input="{{{instruction}}} {{{{{input}\n=>", prompt_no_input="{instruction}\n=>", response_split="=>"
    )


def rendered(template: Template, messages: list[Message]) -> str:
    def raise_exception(message: str) -> str:
        raise TemplateError(message)

    loader = DictLoader({"chat": jinja(template)})
    environment = ImmutableSandboxedEnvironment(loader=loader, trim_blocks=True, lstrip_blocks=True)
    text = environment.get_template("chat").render(
        messages=as_dicts(messages), bos_token=template.form().bos, raise_exception=raise_exception
    )
    return str(text)


@pytest.mark.parametrize(
    "roles",
    [(), ("system",), ("assistant",), ("user", "user"), ("user", "assistant", "assistant"), ("system", "assistant")],
)
def test_jinja_refuses_the_role_orders_that_we_refuse(encoder: Encoder, roles: tuple[Role, ...]) -> None:
    messages = [Message(role, "春") for role in roles]
    with pytest.raises(ValueError, match="in turn; found"):
        encoder.conversation(messages)
    with pytest.raises(TemplateError):
        rendered(encoder.template, messages)


def test_quotes_backslashes_and_braces_are_text() -> None:
    messages = [Message("system", "简短"), Message("user", "{{ 春 }}"), Message("assistant", "'眠'\\")]
    encoder = small_encoder(Quoting())
    assert rendered(Quoting(), messages) == decoded(encoder, encoder.conversation(messages).ids)


@pytest.mark.parametrize(
    ("template", "stops"),
    [
        (Gemma2(), ("<start_of_turn>", "<end_of_turn>")),
        (Gemma2System(), ("<start_of_turn>", "<end_of_turn>")),
        (Llama3(), ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")),
        (AlpacaLegacy(), ("### Instruction:",)),
        (ChineseDomain(domain="医学"), ("### 问题：",)),
        (bare(), ()),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_ollama_stops(template: Template, stops: tuple[str, ...]) -> None:
    assert ollama_stops(template) == stops


def test_ollama_text_survives_the_modelfile(encoder: Encoder) -> None:
    """Its parser drops what is not printable, cannot escape triple quotes, and the runner adds BOS itself."""
    text = ollama(encoder.template)
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert '"""' not in text
    assert encoder.template.form().bos not in text
    assert "{{-" not in text
    assert "-}}" not in text


def test_ollama_tells_the_first_user_turn_from_the_later_ones() -> None:
    assert ollama(AlpacaShort()) == (
        '{{ $system := .System }}{{ $first := true }}{{ range .Messages }}{{ if eq .Role "user" }}'
        "{{ if $system }}### Instruction:\n{{ $system }}\n\n### Input:\n{{ .Content }}\n\n"
        '{{ $system = "" }}{{ else if $first }}### Instruction:\n{{ .Content }}\n\n'
        "{{ else }}\n\n### Instruction:\n{{ .Content }}\n\n{{ end }}{{ $first = false }}"
        '{{ else if eq .Role "assistant" }}### Response:\n{{ .Content }}</s>{{ end }}{{ end }}### Response:\n'
    )


def test_a_brace_of_a_prompt_begins_no_action_of_go() -> None:
    brace = '{{ "{" }}'
    assert brace + "{{ $system }}} " + brace * 2 + "{{ .Content }}\n" in ollama(bare())


def test_ollama_folds_the_system_text_into_the_first_user_turn_once() -> None:
    assert ollama(Gemma2()) == (
        '{{ $system := .System }}{{ range .Messages }}{{ if eq .Role "user" }}<start_of_turn>user\n'
        '{{ if $system }}{{ $system }}\n\n{{ $system = "" }}{{ end }}{{ .Content }}<end_of_turn>\n'
        '{{ else if eq .Role "assistant" }}<start_of_turn>model\n{{ .Content }}<end_of_turn>\n{{ end }}{{ end }}'
        "<start_of_turn>model\n"
    )
