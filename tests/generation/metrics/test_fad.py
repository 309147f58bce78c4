import numpy as np
import pytest
from scipy.linalg import sqrtm

from generation.metrics.fad import frechet_distance


def test_distance_of_shifted_and_scaled_gaussians_is_the_closed_form() -> None:
    draw = np.random.default_rng(0)
    one = draw.standard_normal((400, 3)).astype(np.float32)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(one + np.float32(2), one) == pytest.approx(3 * 4, rel=1e-4)
    spread = np.trace(np.cov(one, rowvar=False, ddof=0))
    wider = (one - one.mean(0)) * np.float32(3) + one.mean(0)
    assert frechet_distance(wider, one) == pytest.approx((3 - 1) ** 2 * spread, rel=1e-4)


def test_distance_of_correlated_sets_agrees_with_the_matrix_root() -> None:
    draw = np.random.default_rng(1)
    one = (draw.standard_normal((300, 6)) @ draw.standard_normal((6, 6))).astype(np.float32)
    other = (draw.standard_normal((200, 6)) @ draw.standard_normal((6, 6)) + 1).astype(np.float32)
    first, second = (np.cov(each.astype(float), rowvar=False, ddof=0) for each in (one, other))
    root = np.trace(sqrtm(first @ second).real)
    expected = np.square(one.mean(0) - other.mean(0)).sum() + np.trace(first) + np.trace(second) - 2 * root
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-3)
    assert frechet_distance(other, one) == pytest.approx(expected, rel=1e-3)


def test_fewer_members_than_dimensions_are_enough_and_one_is_not() -> None:
    few = np.random.default_rng(2).standard_normal((4, 20)).astype(np.float32)
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="at least two"):
        frechet_distance(few[:1], few)
