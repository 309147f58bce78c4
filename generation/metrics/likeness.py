"""Which genre music sounds like, by the tag embeddings of music whose genre is known.

One embedding a clip, the mean over its patches (``generation.metrics.tagger``). Every dimension is centred and
scaled over the reference music first, for a few of them are large and say little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Embeddings = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]


class GenreSpace:
    """Reference music: one embedding a clip [N, D] and its genre. Raises ValueError on fewer than two clips."""

    def __init__(self, reference: Embeddings, genres: Sequence[str]) -> None:
        if len(reference) < 2 or len(reference) != len(genres):
            raise ValueError(f"{len(reference)} embeddings and {len(genres)} genres: need as many, at least two")
        self.genres = tuple(genres)
        self.names = tuple(sorted(set(genres)))
        self._mean, self._scale = reference.mean(0), reference.std(0).clip(min=1e-6)
        self._reference = self._placed(reference)

    def nearest_genres(self, heard: Embeddings) -> list[str]:
        """Genre of the nearest reference by cosine; clip i [N, D] is never compared with reference i."""
        likeness = self._placed(heard) @ self._reference.T
        np.fill_diagonal(likeness, -np.inf)
        return [self.genres[index] for index in likeness.argmax(1)]

    def genre_scores(self, heard: Embeddings) -> Scores:
        """Cosine [N, genres] of each clip to the centroid of every genre's references, its own left out.

        A genre whose only reference is the clip's own scores -1.
        """
        placed = self._placed(heard)
        member = np.array([[genre == name for name in self.names] for genre in self.genres], dtype=np.float64)
        sums, counts = member.T @ self._reference, member.sum(0)
        scores = np.full((len(placed), len(self.names)), -1.0)
        for clip, own in enumerate(member):
            left = counts - own
            centroids = (sums - own[:, None] * self._reference[clip]) / np.maximum(left, 1)[:, None]
            cosines = _unit(centroids) @ placed[clip]
            scores[clip] = np.where(left > 0, cosines, -1.0)
        return scores

    def _placed(self, embeddings: Embeddings) -> Scores:
        return _unit((embeddings.astype(np.float64) - self._mean) / self._scale)


def _unit(vectors: Scores) -> Scores:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)
    return np.asarray(vectors / lengths, dtype=np.float64)
