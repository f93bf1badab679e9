"""The Gemma-2 format of source document 002: a system role of its own, and `<eos>` after every turn."""

from zhiyin.chat.templates import Form, Template, Turn


class Gemma2System(Template):
    """`<start_of_turn>{role}\\n{content}\\n<end_of_turn><eos>\\n` with the roles system, user and model.

    The model learns to write the newline, `<end_of_turn>` and `<eos>`, so that generation ends at the first of the
    two stops and a generated answer carries one newline at its end; only the newline after `<eos>` is not supervised.
    Source document 002 gives its prompts no generation prefix; here they have one, `<start_of_turn>model\\n`.
    """

    def form(self) -> Form:
        """See `Template`."""
        return Form(
            bos="<bos>",
            eos="<eos>",
            pad="<pad>",
            markers=("<start_of_turn>", "<end_of_turn>"),
            stops=("<end_of_turn>", "<eos>"),
            system=Turn("<start_of_turn>system\n", "\n<end_of_turn><eos>", "\n"),
            user=Turn("<start_of_turn>user\n", "\n<end_of_turn><eos>", "\n"),
            assistant=Turn("<start_of_turn>model\n", "\n<end_of_turn><eos>", "\n"),
        )
