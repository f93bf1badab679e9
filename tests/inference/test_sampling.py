"""Drawing: the right distribution, and from the stated stream alone."""

from collections import Counter

import pytest
import torch

from zhiyin.inference.sampling import Sampling, draw

LOGITS = torch.tensor([[0.5, 0.1, 0.3, 0.1]]).log()


def drawn(uniform: float, sampling: Sampling) -> int:
    return int(draw(LOGITS, torch.tensor([uniform], dtype=torch.float64), sampling))


@pytest.mark.parametrize(
    ("uniform", "token"),
    [(0.0, 0), (0.499, 0), (0.501, 2), (0.799, 2), (0.801, 1), (0.899, 1), (0.901, 3), (0.999999, 3)],
)
def test_inverts_the_cumulative_distribution(uniform: float, token: int) -> None:
    assert drawn(uniform, Sampling(temperature=1.0)) == token


@pytest.mark.parametrize(("uniform", "token"), [(0.0, 0), (0.624, 0), (0.626, 2), (0.999999, 2)])
def test_top_p_keeps_the_smallest_nucleus_and_renormalises(uniform: float, token: int) -> None:
    assert drawn(uniform, Sampling(temperature=1.0, top_p=0.7)) == token


def test_top_p_keeps_at_least_one_token() -> None:
    assert drawn(0.999999, Sampling(temperature=1.0, top_p=1e-6)) == 0


def test_temperature_sharpens() -> None:
    # At temperature 1/2 the probabilities are squared: 25 : 9 : 1 : 1, the first up to 25/36.
    sampling = Sampling(temperature=0.5)
    assert [drawn(uniform, sampling) for uniform in (0.69, 0.70)] == [0, 2]


def test_rows_do_not_meet() -> None:
    logits_BV = LOGITS.repeat(3, 1)
    uniforms_B = torch.tensor([0.95, 0.1, 0.6], dtype=torch.float64)
    assert draw(logits_BV, uniforms_B, Sampling(temperature=1.0)).tolist() == [3, 0, 2]


def test_the_streams_reproduce_the_distribution() -> None:
    sampling = Sampling(max_new_tokens=1, temperature=1.0, seed=5)
    uniforms_B = torch.tensor([sampling.uniforms(str(number))[0] for number in range(4000)], dtype=torch.float64)
    counts = Counter(draw(LOGITS.repeat(4000, 1), uniforms_B, sampling).tolist())
    for token, share in enumerate((0.5, 0.1, 0.3, 0.1)):
        assert counts[token] / 4000 == pytest.approx(share, abs=0.03)


def test_a_stream_belongs_to_its_seed_and_name() -> None:
    sampling = Sampling(max_new_tokens=5, temperature=1.0, seed=5)
    assert sampling.uniforms("a") == Sampling(max_new_tokens=5, temperature=0.2, seed=5).uniforms("a")
    others = {sampling.uniforms("a"), sampling.uniforms("b"), Sampling(max_new_tokens=5, seed=6).uniforms("a")}
    assert len(others) == 3
    assert all(0 <= value < 1 for values in others for value in values)
