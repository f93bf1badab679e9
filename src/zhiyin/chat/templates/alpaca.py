"""The format of Stanford Alpaca, which source document 003 trains with."""

from zhiyin.chat.instruction import Prompts
from zhiyin.chat.templates import InstructionTemplate


class Alpaca(InstructionTemplate):
    """An English preamble, then `### Instruction:`, `### Input:` and `### Response:`, each on a line of its own.

    A single exchange is the text that document 003 builds of instruction, input and output, with `eos` behind it.
    """

    def prompts(self) -> Prompts:
        """See `InstructionTemplate`."""
        return Prompts(
            prompt_input=(
                "Below is an instruction that describes a task, paired with an input that provides further context. "
                "Write a response that appropriately completes the request.\n\n"
                "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
            ),
            prompt_no_input=(
                "Below is an instruction that describes a task. "
                "Write a response that appropriately completes the request.\n\n"
                "### Instruction:\n{instruction}\n\n### Response:\n"
            ),
            response_split="### Response:",
        )
