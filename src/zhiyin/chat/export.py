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
    else:
        system, no_system = _around(first, form.system), ""
    return "".join(
        (
            "{{ bos_token }}" if form.bos else "",
            "{% if messages[0]['role'] == 'system' %}", system, "{% set turns = messages[1:] %}",
            "{% else %}", no_system, "{% set turns = messages %}", "{% endif %}",
            "{% if turns | length == 0 %}", _refusal(), "{% endif %}",
            "{% for message in turns %}",
            "{% if message['role'] != ('user' if loop.index0 % 2 == 0 else 'assistant') %}", _refusal(), "{% endif %}",
            "{% if message['role'] == 'user' %}", _user(form, content), "{% else %}", _around(content, form.assistant),
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
    return "".join(
        (
            "{{ $system := .System }}",
            "{{ $first := true }}" if form.opening else "",
            '{{ range .Messages }}{{ if eq .Role "user" }}',
            _go_user(form),
            _go_turn("else if", "assistant", form),
            _go_end(form),
        )
    )


def ollama_stops(template: Template) -> tuple[str, ...]:
    """Return the values of Ollama's `stop` parameter; it ends at the model's own EOS without being told."""
    form = template.form()
    return (*form.markers, *form.stop_texts)


def _user(form: Form, content: str) -> str:
    """Return the Jinja text of a user turn; the first one holds the system text, where that is folded."""
    if not form.fold_system:
        return _folding(form.user, "", content)
    system = _around("system", form.system)
    if form.opening is None:
        return _folding(form.user, f"{{% if loop.first and system %}}{system}{{% endif %}}", content)
    alone, folded = _around(content, form.opening.alone), _folding(form.opening.folded, system, content)
    first = f"{{% if system %}}{folded}{{% else %}}{alone}{{% endif %}}"
    return f"{{% if loop.first %}}{first}{{% else %}}{_around(content, form.user)}{{% endif %}}"


def _folding(turn: Turn, folded: str, content: str) -> str:
    """Return the Jinja text of a turn that holds something in front of its content."""
    return f"{{{{ {_quoted(turn.before)} }}}}{folded}{_around(content, Turn('', turn.closing, turn.after))}"


def _around(content: str, turn: Turn) -> str:
    """Return the Jinja expression that prints a content inside its turn."""
    return f"{{{{ {_quoted(turn.before)} + ({content}) + {_quoted(turn.closing + turn.after)} }}}}"


def _quoted(text: str) -> str:
    """Return a Jinja string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _refusal() -> str:
    return f"{{{{ raise_exception({_quoted(ORDER)}) }}}}"


def _go_turn(condition: str, role: Role, form: Form) -> str:
    return f'{{{{ {condition} eq .Role "{role}" }}}}{_go_around("{{ .Content }}", form.turn(role))}'


def _go_user(form: Form) -> str:
    """Return the Go text of a user turn that holds the system text once."""
    system, used = _go_around("{{ $system }}", form.system), '{{ $system = "" }}'
    if form.opening is None:
        return _go_around(f"{{{{ if $system }}}}{system}{used}{{{{ end }}}}{{{{ .Content }}}}", form.user)
    alone, folded = form.opening.alone, form.opening.folded
    return "".join(
        (
            "{{ if $system }}", _go_around(system + "{{ .Content }}", folded), used,
            "{{ else if $first }}", _go_around("{{ .Content }}", alone),
            "{{ else }}", _go_around("{{ .Content }}", form.user),
            "{{ end }}{{ $first = false }}",
        )
    )  # fmt: skip


def _go_around(content: str, turn: Turn) -> str:
    return f"{_go_text(turn.before)}{content}{_go_text(turn.closing + turn.after)}"


def _go_text(text: str) -> str:
    """Return text that Go prints as it stands: a brace might begin an action, with the one that follows it."""
    return text.replace("{", '{{ "{" }}')


def _go_end(form: Form) -> str:
    return f"{{{{ end }}}}{{{{ end }}}}{_go_text(form.assistant.before)}"
