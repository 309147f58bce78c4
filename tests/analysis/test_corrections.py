"""Holm's correction is the library's."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from analysis.corrections import holm


def test_holm_is_that_of_statsmodels() -> None:
    p = np.random.default_rng(1).random((6, 7)) ** 3
    p[0], p[1, :3], p[2] = 1.0, 0.01, 0.0
    for row, adjusted in zip(p, holm(p), strict=True):
        assert adjusted == pytest.approx(multipletests(row, method="holm")[1])
