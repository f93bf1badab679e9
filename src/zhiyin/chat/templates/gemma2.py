"""The official Gemma-2 format, with a system turn folded into the first user turn."""

from zhiyin.chat.templates import Form, Template, Turn


class Gemma2(Template):
    """`<start_of_turn>user\\n{system}\\n\\n{content}<end_of_turn>\\n<start_of_turn>model\\n{content}<end_of_turn>\\n`.

    The Jinja template of google/gemma-2-9b-it, which trims every content, gives the same text, but raises on a
    system role. Here the system text stands in front of the first user's, after it a blank line.
    """

    def form(self) -> Form:
        """See `Template`."""
        return Form(
            bos="<bos>",
            eos="<eos>",
            pad="<pad>",
            markers=("<start_of_turn>", "<end_of_turn>"),
            stops=("<end_of_turn>", "<eos>"),
            system=Turn("", "\n\n"),
            user=Turn("<start_of_turn>user\n", "<end_of_turn>", "\n"),
            assistant=Turn("<start_of_turn>model\n", "<end_of_turn>", "\n"),
            fold_system=True,
            trim=True,
        )
