"""A French format with the headers of Vigogne, which source document 003 ships beside Alpaca's."""

from zhiyin.chat.instruction import Prompts
from zhiyin.chat.templates import InstructionTemplate


class VigogneStyle(InstructionTemplate):
    """`### Instruction:`, `### Entrée:` and `### Réponse:` as in Vigogne; the preamble is in words of our own.

    A model that was trained with Vigogne's own file needs its exact preamble: name that file with `prompt_json`.
    """

    def prompts(self) -> Prompts:
        """See `InstructionTemplate`."""
        return Prompts(
            prompt_input=(
                "Voici une instruction, suivie d'une entrée qui en précise le contexte. "
                "Rédige une réponse qui y satisfait pleinement.\n\n"
                "### Instruction:\n{instruction}\n\n### Entrée:\n{input}\n\n### Réponse:\n"
            ),
            prompt_no_input=(
                "Voici une instruction. Rédige une réponse qui y satisfait pleinement.\n\n"
                "### Instruction:\n{instruction}\n\n### Réponse:\n"
            ),
            response_split="### Réponse:",
        )
