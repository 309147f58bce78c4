"""P values corrected for how many there are in a family."""

from __future__ import annotations

import numpy as np
from statsmodels.stats.multitest import fdrcorrection

from analysis.variance import Floats


def holm(p: Floats) -> Floats:
    """Holm's (1979) step-down adjusted p values of every row (S, m).

    ``statsmodels.stats.multitest.multipletests`` gives the same, row by row, and collects Python's garbage each
    time: in a process that holds Django, that takes longer than all else in a small report.
    """
    order = np.argsort(p, axis=1)
    count = p.shape[1]
    stepped = np.maximum.accumulate(np.take_along_axis(p, order, axis=1) * np.arange(count, 0, -1), axis=1)
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.minimum(stepped, 1.0), axis=1)
    return found


def benjamini_hochberg(p: Floats) -> Floats:
    """Benjamini and Hochberg's (1995) adjusted p values (m,), for a false discovery rate."""
    return np.asarray(fdrcorrection(p)[1])
