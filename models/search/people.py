"""Faces of the same person, grouped by the embeddings of a network that tells people apart.

Agglomerative clustering with average linkage over the pairs of nearest neighbours: pair by pair, the most similar
first, the groups of both faces are joined where the mean cosine between the groups reaches the threshold. Two faces of
one photo are two people. The outcome depends on the vectors and on their order alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.pair import CosineLogit, PairModel
from models.search.rows import FaceIndexError
from models.sidecars import Sidecar

PERSON_FAR = 2e-4
"""False accepts among pairs of different people, as measured for the weight, at the threshold of a group: the level
that training/studies/grouping.py chose on held-out families of FIW train (benchmarks/results/grouping.json)."""
NEIGHBOURS = 24
"""Pairs looked at for each face."""
BLOCK = 2048
"""Faces compared with all others at once."""


def same_person_cosine(model: PairModel, sidecar: Sidecar, most: float = PERSON_FAR) -> float:
    """The cosine from which two faces are taken for one person's: the lowest with at most so many false accepts.

    Raises:
        FaceIndexError: the network was not made to tell people apart, or does not answer by its cosine.
    """
    logit = getattr(model, "logit", None)
    if sidecar.task != "verification" or not model.by_similarity or not isinstance(logit, CosineLogit):
        raise FaceIndexError(f"{sidecar.name} cannot group faces by person: a weight for the same person is needed.")
    points = sidecar.rule.operating_points
    few = (t for t, far in zip(points.threshold, points.far, strict=True) if far <= most)
    score = min(next(few, 0.999), 0.999)  # a score of 1 has no finite cosine
    return (float(np.log(score / (1 - score))) - float(logit.offset)) / float(logit.slope)


def group(vectors: np.ndarray, photos: Sequence[object], threshold: float) -> np.ndarray:
    """Number of the person of every face, from 1, in the order in which people first appear.

    Args:
        vectors: (N, D) unit vectors.
        photos: N, what photo each face is from.
        threshold: mean cosine at which groups are still joined.

    Returns:
        (N,) int64.
    """
    return joined(vectors, photos, threshold, *near_pairs(vectors, threshold))


def near_pairs(vectors: np.ndarray, threshold: float, most: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """(P, 2) pairs of faces, each with its up to `most` nearest at or above the threshold, and (P,) cosines."""
    pairs, cosines = [], []
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK] @ vectors.T
        block[np.arange(len(block)), start + np.arange(len(block))] = -2  # not with itself
        count = min(most, block.shape[1])
        nearest = np.argpartition(-block, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(block, nearest, 1)
        row, place = np.nonzero(values >= threshold)
        pairs.append(np.stack([row + start, nearest[row, place]], 1))
        cosines.append(values[row, place])
    return np.concatenate(pairs), np.concatenate(cosines)


def joined(
    vectors: np.ndarray, photos: Sequence[object], threshold: float, pairs: np.ndarray, cosines: np.ndarray
) -> np.ndarray:
    """`group` over given pairs of neighbours."""
    sums: list[np.ndarray] = list(vectors)
    sizes, seen, parent = [1] * len(sums), [{photo} for photo in photos], list(range(len(sums)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    ordered = np.sort(pairs, axis=1)
    for k in np.lexsort((ordered[:, 1], ordered[:, 0], -cosines)):
        a, b = sorted((root(int(ordered[k, 0])), root(int(ordered[k, 1]))))
        mean = float(sums[a] @ sums[b]) / (sizes[a] * sizes[b])
        if a != b and mean >= threshold and seen[a].isdisjoint(seen[b]):
            parent[b] = a  # the first face stays the root
            sums[a], sizes[a] = sums[a] + sums[b], sizes[a] + sizes[b]
            seen[a] |= seen[b]
    roots = np.array([root(i) for i in range(len(parent))], np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64) + 1
