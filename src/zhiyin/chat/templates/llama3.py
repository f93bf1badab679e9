"""The official Llama-3 Instruct format."""

from zhiyin.chat.templates import Form, Template, Turn


class Llama3(Template):
    """`<|start_header_id|>{role}<|end_header_id|>\\n\\n{content}<|eot_id|>` with the roles system, user and assistant.

    Same text as the Jinja template of meta-llama/Meta-Llama-3-8B-Instruct, which trims every content. Llama 3 has no
    padding token; `<|end_of_text|>` serves, as every release knows it.
    """

    def form(self) -> Form:
        """See `Template`."""
        return Form(
            bos="<|begin_of_text|>",
            eos="<|eot_id|>",
            pad="<|end_of_text|>",
            markers=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
            stops=("<|eot_id|>", "<|end_of_text|>"),
            system=Turn("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"),
            user=Turn("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
            assistant=Turn("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
            trim=True,
        )
