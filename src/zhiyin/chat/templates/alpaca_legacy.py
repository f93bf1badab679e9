"""The first format of Alpaca-LoRA: Alpaca's, with the answer on the line of its header."""

from zhiyin.chat.instruction import Prompts
from zhiyin.chat.templates import InstructionTemplate


class AlpacaLegacy(InstructionTemplate):
    """As `alpaca`, but without the newline behind `### Response:`; for models that were trained so."""

    def prompts(self) -> Prompts:
        """See `InstructionTemplate`."""
        return Prompts(
            prompt_input=(
                "Below is an instruction that describes a task, paired with an input that provides further context. "
                "Write a response that appropriately completes the request.\n\n"
                "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"
            ),
            prompt_no_input=(
                "Below is an instruction that describes a task. "
                "Write a response that appropriately completes the request.\n\n"
                "### Instruction:\n{instruction}\n\n### Response:"
            ),
            response_split="### Response:",
        )
