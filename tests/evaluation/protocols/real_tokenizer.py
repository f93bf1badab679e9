"""The merges of the real Llama-3 tokenizer, under the control tokens of a format that the test chooses."""

from collections.abc import Mapping
from pathlib import Path

from tokenizers import Tokenizer
from transformers.convert_slow_tokenizer import TikTokenConverter

DATA = Path(__file__).parents[4] / "shared" / "data"
RANKS = DATA / "tokenizers" / "llama3" / "tokenizer.model"
LLAMA = {
    0: "<|begin_of_text|>",
    1: "<|end_of_text|>",
    6: "<|start_header_id|>",
    7: "<|end_header_id|>",
    9: "<|eot_id|>",
}
GEMMA = {0: "<bos>", 1: "<eos>", 2: "<pad>", 3: "<start_of_turn>", 4: "<end_of_turn>"}
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def tokenizer(named: Mapping[int, str]) -> Tokenizer:
    """Return the tokenizer with these of its 256 control tokens named."""
    controls = [named.get(index, f"<|reserved_special_token_{index}|>") for index in range(256)]
    made: Tokenizer = TikTokenConverter(str(RANKS), pattern=_WORDS, extra_special_tokens=controls).converted()
    return made
