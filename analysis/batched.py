"""The shipped variance of many simulated studies of one design at once; a test holds the two alike."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from analysis.variance import LEAST, Codes, Floats, dense


def batched_moments(
    values: Floats, keep: np.ndarray[tuple[int, int], np.dtype[np.bool_]], rater: Codes, clip: Codes, genre: Codes
) -> tuple[Floats, Floats, Floats]:
    """Mean over genres, its two-way variance and degrees of freedom (S,) of values (S, N) that ``keep`` keeps.

    What ``variance.two_way_moments`` gives for each row. Without two raters and two clips the variance is 0.
    """
    rater, clip, genre = dense(rater), dense(clip), dense(genre)
    kept = keep.astype(np.float64)
    of_genre = _indicator(genre)
    sizes = kept @ of_genre
    strata = (sizes > 0).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(sizes > 0, (values * kept) @ of_genre / sizes, 0.0)
        scale = np.where(sizes > 0, 1 / (sizes * strata), 0.0)[:, genre] * kept
    mean = means.sum(axis=1) / np.maximum(strata[:, 0], 1)
    influence = (values - means[:, genre]) * scale
    about = (values - mean[:, None]) * scale
    of_rater = _indicator(rater)
    raters = ((kept @ of_rater) > 0).sum(axis=1)
    independent = _effective(scale @ of_rater)
    df_rater = np.maximum(independent - 1, 1)
    v_rater = independent / (independent - 1) * ((influence @ of_rater) ** 2).sum(axis=1)
    v_clip, df_clip, clips = _nested(influence, about, scale, kept, clip, genre)
    cell = dense(rater * (int(clip.max()) + 1) + clip)
    v_cell, df_cell, _ = _nested(influence, about, scale, kept, cell, genre)
    variance = v_cell + np.maximum(v_rater - v_cell, 0) + np.maximum(v_clip - v_cell, 0)
    spread = v_rater**2 / df_rater + v_clip**2 / df_clip + v_cell**2 / df_cell
    least = np.minimum(df_rater, df_clip)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(spread > 0, np.maximum(variance**2 / spread, least), least)
    return mean, np.where((raters > 1) & (clips > 1), variance, 0.0), df


def _nested(
    influence: Floats, about: Floats, scale: Floats, kept: Floats, cluster: Codes, genre: Codes
) -> tuple[Floats, Floats, Floats]:
    of_cluster = _indicator(cluster)
    nest = np.zeros(of_cluster.shape[1], dtype=np.intp)
    nest[cluster] = genre
    of_nest = _indicator(nest)
    present = (kept @ of_cluster) > 0
    weight = scale @ of_cluster
    per_nest = present @ of_nest
    lonely = per_nest == 1
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(per_nest > 0, (weight @ of_nest) ** 2 / (weight**2 @ of_nest), 1.0)
        effective = np.maximum(effective, LEAST)
        factor = np.where(per_nest > 1, effective / (effective - 1), 1.0)
    df = np.where(per_nest > 1, effective - 1, 0.0).sum(axis=1)
    several = lonely.sum(axis=1) > 1
    if several.any():
        alone = _effective(np.where(lonely[:, nest], weight, 0.0)[several])
        factor[several] = np.where(lonely[several], (alone / (alone - 1))[:, None], factor[several])
        df[several] += alone - 1
    centred = np.where(lonely[:, genre], about, influence) if lonely.any() else influence
    sums = centred @ of_cluster
    return (factor[:, nest] * sums**2).sum(axis=1), np.maximum(df, 1.0), present.sum(axis=1)


def _effective(weights: Floats) -> Floats:
    """``variance.effective_number`` of each row (S, K)."""
    squares = (weights**2).sum(axis=1)
    return np.asarray(np.maximum(weights.sum(axis=1) ** 2 / np.where(squares > 0, squares, 1.0), LEAST))


def _indicator(codes: Codes) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)))
