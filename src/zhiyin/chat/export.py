"""The same template for other engines: Jinja for `transformers` and its kin, Go for Ollama.

Both lay out what `render` lays out, with two known differences:

- a control string typed inside a content becomes a control token there, and plain text with us;
- Ollama cannot trim, so contents with outer white space keep it there.
"""

from zhiyin.chat.render import ORDER
from zhiyin.chat.templates import Form, Template, Turn
from zhiyin.records.conversation import Role


def jinja(template: Template) -> str:
    """Return the `chat_template` of `tokenizer_config.json`; it refuses the role orders that `render` refuses."""
    form = template.form()
    first = "messages[0]['content']" + (" | trim" if form.trim else "")
    content = "message['content']" + (" | trim" if form.trim else "")
    if form.fold_system:
        system, no_system = f"{{% set system = {first} %}}", "{% set system = '' %}"
        folded = f"{{% if loop.first and system %}}{_around('system', form.system)}{{% endif %}}"
    else:
        system, no_system, folded = _around(first, form.system), "", ""
    return "".join(
        (
            "{{ bos_token }}" if form.bos else "",
            "{% if messages[0]['role'] == 'system' %}", system, "{% set turns = messages[1:] %}",
            "{% else %}", no_system, "{% set turns = messages %}", "{% endif %}",
            "{% if turns | length == 0 %}", _refusal(), "{% endif %}",
            "{% for message in turns %}",
            "{% if message['role'] != ('user' if loop.index0 % 2 == 0 else 'assistant') %}", _refusal(), "{% endif %}",
            "{% if message['role'] == 'user' %}", f"{{{{ {_quoted(form.user.before)} }}}}", folded,
            _around(content, Turn("", form.user.closing, form.user.after)),
            "{% else %}", _around(content, form.assistant),
            "{% endif %}", "{% endfor %}",
            "{% if add_generation_prompt %}", f"{{{{ {_quoted(form.assistant.before)} }}}}", "{% endif %}",
        )
    )  # fmt: skip


def ollama(template: Template) -> str:
    """Return Ollama's TEMPLATE: it ranges over `.Messages`, and ends with the generation prefix.

    There is no BOS in it, since the runner adds one, and no trim marker, since one would eat the format's newlines.
    """
    form = template.form()
    if not form.fold_system:
        turns = "".join((_go_turn("if", "system", form), _go_turn("else if", "user", form)))
        return f"{{{{ range .Messages }}}}{turns}{_go_turn('else if', 'assistant', form)}{_go_end(form)}"
    # The system text is taken once, by the first user turn, wherever Ollama's cut of a long history left that turn.
    system = form.system
    folded = f"{system.before}{{{{ $system }}}}{system.closing}{system.after}"
    once = f'{{{{ if $system }}}}{folded}{{{{ $system = "" }}}}{{{{ end }}}}'
    return "".join(
        (
            "{{ $system := .System }}{{ range .Messages }}",
            _go_turn("if", "user", form, once),
            _go_turn("else if", "assistant", form),
            _go_end(form),
        )
    )


def ollama_stops(template: Template) -> tuple[str, ...]:
    """Return the values of Ollama's `stop` parameter; it ends at the model's own EOS without being told."""
    return template.form().markers


def _around(content: str, turn: Turn) -> str:
    """Return the Jinja expression that prints a content inside its turn."""
    return f"{{{{ {_quoted(turn.before)} + ({content}) + {_quoted(turn.closing + turn.after)} }}}}"


def _quoted(text: str) -> str:
    """Return a Jinja string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _refusal() -> str:
    return f"{{{{ raise_exception({_quoted(ORDER)}) }}}}"


def _go_turn(condition: str, role: Role, form: Form, folded: str = "") -> str:
    turn = form.turn(role)
    text = f"{turn.before}{folded}{{{{ .Content }}}}{turn.closing}{turn.after}"
    return f'{{{{ {condition} eq .Role "{role}" }}}}{text}'


def _go_end(form: Form) -> str:
    return f"{{{{ end }}}}{{{{ end }}}}{form.assistant.before}"
