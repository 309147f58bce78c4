"""The shipped variance of many simulated studies of one design at once; a test holds the two alike."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from analysis.variance import Codes, Floats, dense


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
    v_rater = raters / np.maximum(raters - 1, 1) * ((influence @ of_rater) ** 2).sum(axis=1)
    v_clip, df_clip, clips = _nested(influence, about, kept, clip, genre)
    v_cell, df_cell, _ = _nested(influence, about, kept, dense(rater * (int(clip.max()) + 1) + clip), genre)
    variance = v_cell + np.maximum(v_rater - v_cell, 0) + np.maximum(v_clip - v_cell, 0)
    spread = v_rater**2 / np.maximum(raters - 1, 1) + v_clip**2 / df_clip + v_cell**2 / df_cell
    least = np.maximum(np.minimum(raters - 1, df_clip), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(spread > 0, np.maximum(variance**2 / spread, least), least)
    return mean, np.where((raters > 1) & (clips > 1), variance, 0.0), df


def _nested(
    influence: Floats, about: Floats, kept: Floats, cluster: Codes, genre: Codes
) -> tuple[Floats, Floats, Floats]:
    of_cluster = _indicator(cluster)
    nest = np.zeros(of_cluster.shape[1], dtype=np.intp)
    nest[cluster] = genre
    present = (kept @ of_cluster) > 0
    per_nest = present @ _indicator(nest)
    lonely = per_nest == 1
    alone = lonely.sum(axis=1)
    factor = np.where(per_nest > 1, per_nest / np.maximum(per_nest - 1, 1), 1.0)
    factor = np.where(lonely & (alone > 1)[:, None], (alone / np.maximum(alone - 1, 1))[:, None], factor)
    centred = np.where(lonely[:, genre], about, influence) if lonely.any() else influence
    sums = centred @ of_cluster
    df = present.sum(axis=1) - (per_nest > 1).sum(axis=1) - (alone > 1)
    return (factor[:, nest] * sums**2).sum(axis=1), np.maximum(df, 1).astype(np.float64), present.sum(axis=1)


def _indicator(codes: Codes) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)))
