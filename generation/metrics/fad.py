"""musicnn-FAD: how far a set of music lies from another as a whole.

Fréchet audio distance (Kilgour et al. 2019) on the embeddings of ``generation.metrics.tagger`` in place of VGGish:
not comparable with published figures, and biased upwards by small sets, so only sets of one size are compared.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Embeddings = npt.NDArray[np.float32]


def frechet_distance(heard: Embeddings, reference: Embeddings) -> float:
    """Squared Fréchet distance of Gaussians fitted to two sets [N, D] and [M, D]; 0 or more, lower is better.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)). Raises ValueError when a set has fewer than two members.
    """
    if min(len(heard), len(reference)) < 2:
        raise ValueError(f"{len(heard)} and {len(reference)} embeddings: each set needs at least two")
    apart = np.square(heard.mean(0, dtype=np.float64) - reference.mean(0, dtype=np.float64)).sum()
    first, second = (np.cov(each.astype(np.float64), rowvar=False, ddof=0) for each in (heard, reference))
    # The root's trace from the eigenvalues of a symmetric product, which are real and stay so when rounded.
    values, vectors = np.linalg.eigh(np.atleast_2d(first))
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ np.atleast_2d(second) @ root)
    shared = np.sqrt(product.clip(min=0)).sum()
    return float(max(0.0, apart + np.trace(np.atleast_2d(first)) + np.trace(np.atleast_2d(second)) - 2 * shared))
