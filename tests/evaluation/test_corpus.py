"""BLEU and chrF of summed counts are sacrebleu's own, for whole corpora and for single answers."""

import random

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from zhiyin.evaluation import corpus

CHINESE = [
    ("今天天气很好，我们去公园散步。", "今天天气不错，我们去公园走走。"),
    ("他昨天买了一本书", "他昨天买了一本新书。"),
    ("经济增长 3.5%", "经济增长了3.5%。"),
    ("不知道", "会议将于周一举行。"),
    ("春", "春眠不觉晓"),
    ("", "无"),
]
ENGLISH = [
    ("The cat sat on the mat.", "The cat is sitting on the mat."),
    ("It's raining, isn't it?", "It is raining, isn't it?"),
    ("No", "The meeting takes place on Monday."),
    ("the the the the the", "the cat"),
]


def bleu(pairs: list[tuple[str, str]], tokenizer: corpus.Tokenizer) -> float:
    return float(corpus.bleu(np.array([corpus.bleu_counts(*pair, tokenizer) for pair in pairs]).sum(axis=0)))


def chrf(pairs: list[tuple[str, str]]) -> float:
    return float(corpus.chrf(np.array([corpus.chrf_counts(*pair) for pair in pairs]).sum(axis=0)))


@pytest.mark.parametrize(("pairs", "tokenizer"), [(CHINESE, "zh"), (ENGLISH, "13a"), (CHINESE, "char")])
def test_scores_of_a_corpus_equal_those_of_sacrebleu(pairs: list[tuple[str, str]], tokenizer: corpus.Tokenizer) -> None:
    answers, references = [pair[0] for pair in pairs], [[pair[1] for pair in pairs]]
    assert bleu(pairs, tokenizer) == pytest.approx(BLEU(tokenize=tokenizer).corpus_score(answers, references).score)
    assert chrf(pairs) == pytest.approx(CHRF().corpus_score(answers, references).score)
    assert bleu(pairs, tokenizer) > 0


@pytest.mark.parametrize("pair", [*CHINESE, *ENGLISH])
def test_scores_of_one_answer_equal_those_of_sacrebleu(pair: tuple[str, str]) -> None:
    for tokenizer in ("zh", "13a"):
        expected = BLEU(tokenize=tokenizer).corpus_score([pair[0]], [[pair[1]]]).score
        assert bleu([pair], tokenizer) == pytest.approx(expected)
    assert chrf([pair]) == pytest.approx(CHRF().corpus_score([pair[0]], [[pair[1]]]).score)


def test_random_corpora_equal_those_of_sacrebleu() -> None:
    draw = random.Random(0)
    for size in (1, 3, 30):
        for _ in range(10):
            pairs = [tuple("".join(draw.choices("甲乙丙丁", k=draw.randint(0, 9))) for _ in "ab") for _ in range(size)]
            found = [(pair[0], pair[1] or "无") for pair in pairs]
            answers, references = [one for one, _ in found], [[two for _, two in found]]
            assert bleu(found, "zh") == pytest.approx(BLEU(tokenize="zh").corpus_score(answers, references).score)
            assert chrf(found) == pytest.approx(CHRF().corpus_score(answers, references).score)


def test_many_resamples_are_computed_at_once() -> None:
    counts = np.array([corpus.bleu_counts(*pair, "zh") for pair in CHINESE])
    sums = np.stack([counts.sum(axis=0), counts[:2].sum(axis=0), counts[4:5].sum(axis=0)])
    assert corpus.bleu(sums) == pytest.approx([bleu(CHINESE, "zh"), bleu(CHINESE[:2], "zh"), bleu(CHINESE[4:5], "zh")])
    assert corpus.bleu(sums.reshape(1, 3, 10)).shape == (1, 3)
