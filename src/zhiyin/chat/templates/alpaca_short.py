"""The format of Alpaca without its preamble: fewer tokens in every sequence."""

from zhiyin.chat.instruction import Prompts
from zhiyin.chat.templates import InstructionTemplate


class AlpacaShort(InstructionTemplate):
    """`### Instruction:`, `### Input:` and `### Response:` alone, so that later turns look like the first."""

    def prompts(self) -> Prompts:
        """See `InstructionTemplate`."""
        return Prompts(
            prompt_input="### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n",
            prompt_no_input="### Instruction:\n{instruction}\n\n### Response:\n",
            response_split="### Response:",
        )
