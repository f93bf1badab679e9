"""Shingles and signatures, against sets of strings and one text at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.data.kernels.minhash import BANDS, EMPTY, ROWS, band_keys, signatures
from zhiyin.data.kernels.shingles import Shingles, distinct, jaccard, mixed, shingles
from zhiyin.data.kernels.squeeze import squeeze

TEXTS = st.lists(st.text(st.sampled_from("abcdefg甲乙"), max_size=30), min_size=1, max_size=8)


def grams(text: str) -> list[str]:
    """Cut a text into its 5-grams, in order and with repetitions."""
    return [text[start : start + 5] for start in range(max(len(text) - 4, min(len(text), 1)))]


def slow_hash(gram: str) -> int:
    """Hash one shingle with Python's own numbers."""
    value = len(gram) if len(gram) < 5 else 0
    for one in gram:
        value = (value * 0x9E3779B1 + ord(one)) % 2**32
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        value = (value ^ value >> shift) * factor % 2**32
    return value


@given(TEXTS)
def test_shingles(texts: list[str]) -> None:
    found = shingles(squeeze(texts))
    assert found.counts.tolist() == [len(grams(text)) for text in texts]
    assert found.hashes.tolist() == [slow_hash(gram) for text in texts for gram in grams(text)]


@given(TEXTS)
def test_sets_and_their_likeness(texts: list[str]) -> None:
    found = distinct(shingles(squeeze(texts)))
    sets = [set(grams(text)) for text in texts]
    assert found.counts.tolist() == [len(each) for each in sets]
    assert all((np.diff(found.hashes[found.starts[row] : found.starts[row + 1]]) > 0).all() for row in range(len(sets)))
    for left, one in enumerate(sets):
        for right, other in enumerate(sets):
            assert jaccard(found, left, right) == len(one & other) / max(len(one | other), 1)


def test_mixing_is_one_to_one() -> None:
    values = np.arange(0, 2**32, 65521, dtype=np.uint32)
    assert np.unique(mixed(values)).size == values.size


@given(TEXTS)
def test_a_signature_holds_the_least_value_of_each_part(texts: list[str]) -> None:
    rows = signatures(shingles(squeeze(texts)))
    assert rows.shape == (len(texts), BANDS, ROWS)
    # The band's factor shows in the signature of a single shingle.
    probe = Shingles(np.ones(1, np.uint32), np.array([0, 1]))
    factors = signatures(probe)[0].min(axis=1).tolist()
    assert len(set(factors)) == BANDS
    assert all(factor % 2 for factor in factors)
    for text, signature in zip(texts, rows.tolist(), strict=True):
        for band, factor in enumerate(factors):
            expected = [EMPTY] * ROWS
            for value in map(slow_hash, grams(text)):
                part = (value >> 16) * ROWS >> 16
                expected[part] = min(expected[part], value * factor % 2**32)
            assert signature[band] == expected


def test_signatures_do_not_depend_on_the_batch() -> None:
    texts = [f"第{number}号文本，共{number * 7919}字" for number in range(8300)]
    rows = signatures(shingles(squeeze(texts)))
    for place in (0, 1, 8191, 8192, 8299):
        assert (signatures(shingles(squeeze([texts[place]])))[0] == rows[place]).all()


def test_rows_agree_as_often_as_shingles_do() -> None:
    random = np.random.default_rng(0)
    for share in (0.3, 0.7, 0.9):
        agreed = []
        for _ in range(40):
            values = random.integers(0, 2**32, 600, dtype=np.uint32)
            common = round(300 * 2 * share / (1 + share))
            both = Shingles(
                np.concatenate([values[:300], values[:common], values[300 : 600 - common]]), np.array([0, 300, 600])
            )
            one, other = signatures(both)
            agreed.append((one == other).mean())
        assert abs(np.mean(agreed) - common / (600 - common)) < 0.02


def test_band_keys_are_equal_when_all_rows_are() -> None:
    rows = signatures(shingles(squeeze(["春眠不觉晓，处处闻啼鸟。", "夜来风雨声，花落知多少。"])))
    keys = band_keys(rows)
    assert np.unique(keys).size == keys.size == 2 * BANDS
    assert (band_keys(rows.copy()) == keys).all()
    for row in range(ROWS):
        changed = rows.copy()
        changed[0, 3, row] ^= 1
        assert (band_keys(changed) != keys).tolist() == [[band == 3 for band in range(BANDS)], [False] * BANDS]
    swapped = rows.copy()
    swapped[:, :, [0, 1]] = rows[:, :, [1, 0]]
    assert (band_keys(swapped) != keys).all()
