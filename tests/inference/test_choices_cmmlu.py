"""All 11,582 questions of CMMLU with Llama 3's tokenizer: how many tokens go through the model, counted without one."""

import pytest
from bench.sides.exam import questions
from tests.house.tree import ROOT

from zhiyin.evaluation.subjects import CMMLU
from zhiyin.inference import choices
from zhiyin.inference.families import Row, families

DATA = ROOT.parent / "shared" / "data"
CMMLU_FOLDER, LLAMA3 = DATA / "cmmlu", DATA / "tokenizers" / "llama3" / "tokenizer.model"
# Of Llama 3, as its authors publish it.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BOS = 128_000


def prompts(shots: int) -> list[Row]:
    from transformers.convert_slow_tokenizer import TikTokenConverter

    tokenizer = TikTokenConverter(vocab_file=str(LLAMA3), pattern=PATTERN, extra_special_tokens=[]).converted()
    asked = questions(CMMLU_FOLDER, {one.name: one.chinese for one in CMMLU}, shots, 10**6)
    texts = [one.text for one in asked]
    return [(BOS, *encoding.ids) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def planned(rows: list[Row], start: int, micro_batch_tokens: int) -> int:
    """Return the tokens of all forward passes, padding included, as the scorer lays them out."""
    distinct = list(dict.fromkeys(rows))
    found = families(distinct, cost=choices._FAMILY_PASSES * start)
    family = {row: one for one in found for row in one.members}
    plan = choices._Plan(distinct, [[] for _ in distinct], [len(row) for row in distinct], found, family)
    parts = plan.parts(range(len(distinct)), micro_batch_tokens, start, 10**9)
    assert sorted(row for part in parts for row in part.items) == list(range(len(distinct)))
    tokens = sum(one.prefix for one in found)
    for part in parts:
        prefix = family[part.items[0]].prefix
        tokens += len(part.items) * (max(len(distinct[row]) for row in part.items) - prefix)
    return tokens


@pytest.mark.slow
@pytest.mark.skipif(not (CMMLU_FOLDER.is_dir() and LLAMA3.is_file()), reason="CMMLU or Llama 3's tokenizer is not here")
def test_hardly_more_is_computed_than_must_be() -> None:
    """Goals: 5 % of padding, and five shots for 1.05 times the tokens of none."""
    least = {0: 901_016, 5: 918_882}  # every subject's beginning once, no padding, no prompt twice
    found: dict[tuple[int, int], int] = {}
    for shots, total in ((0, 1_152_515), (5, 4_179_402)):
        rows = prompts(shots)
        assert (len(rows), sum(map(len, rows))) == (11_582, total)
        for start in (choices._PASS["cpu"], choices._PASS_ELSEWHERE):
            found[shots, start] = planned(rows, start, 8192)
            assert least[shots] <= found[shots, start] < 1.05 * least[shots]
    for start in (choices._PASS["cpu"], choices._PASS_ELSEWHERE):
        assert found[5, start] < 1.05 * found[0, start]
