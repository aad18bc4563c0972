"""Figures of answered pairs, in numpy: AUC, accuracy, and intervals over groups.

Scores are higher for pairs that match. `same` is True for those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def checked(score: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P,) scores as float64 and (P,) labels as bool.

    Raises:
        ValueError: two lengths, only one kind of pair, or a score that is not finite.
    """
    score, same = np.asarray(score, np.float64), np.asarray(same, bool)
    if score.shape != same.shape or score.ndim != 1:
        raise ValueError(f"score and same are two vectors of one length, got {score.shape} and {same.shape}")
    if same.all() or not same.any():
        raise ValueError("both matching and non-matching pairs are needed")
    if not np.isfinite(score).all():
        raise ValueError("a score is not a finite number")
    return score, same


def auc(score: np.ndarray, same: np.ndarray) -> float:
    """Area under the ROC: the chance that a matching pair scores above a non-matching one (ties count half).

    Raises:
        ValueError: only one kind of pair, or a score that is not finite.
    """
    score, same = checked(score, same)
    _, inverse, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[inverse]  # mean rank of ties, from 1
    positive, negative = int(same.sum()), int((~same).sum())
    return float((rank[same].sum() - positive * (positive + 1) / 2) / (positive * negative))


def accuracy(score: np.ndarray, same: np.ndarray, threshold: float) -> float:
    """Share of pairs on their right side of the threshold (score >= threshold says "matching")."""
    return float(np.mean((np.asarray(score) >= threshold) == np.asarray(same, bool)))


def bootstrap_ci(
    statistic: Callable[[np.ndarray], float],
    groups: Sequence[str],
    rounds: int = 1000,
    seed: int = 0,
) -> list[float]:
    """95 % percentile interval of a statistic, resampling whole groups (families, identities) with replacement.

    Pairs that share a family are not independent: resampling pairs would give intervals that are too narrow.

    Args:
        statistic: row indices (repeats allowed) -> value; a round in which it raises ValueError is left out.
        groups: the group of each row.

    Raises:
        ValueError: no round gave a value.
    """
    _, label = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(label == k) for k in range(label.max() + 1)]
    rng, values = np.random.default_rng(seed), []
    for _ in range(rounds):
        rows = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        try:
            values.append(statistic(rows))
        except ValueError:  # a draw with only one kind of pair
            continue
    if not values:
        raise ValueError("the groups are too few for a bootstrap")
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]


def bootstrap_mean_ci(values: np.ndarray, groups: Sequence[str], rounds: int = 1000, seed: int = 0) -> list[float]:
    """bootstrap_ci of a mean, from the same draws; by the sums of the groups, which is fast where there are many.

    Args:
        values: (P,) numbers or truth values.
        groups, rounds, seed: as bootstrap_ci.
    """
    _, label = np.unique(np.asarray(groups), return_inverse=True)
    total, count = np.bincount(label, np.asarray(values, np.float64)), np.bincount(label)
    rng, means = np.random.default_rng(seed), []
    for _ in range(rounds):
        drawn = rng.integers(0, len(count), len(count))
        means.append(total[drawn].sum() / count[drawn].sum())
    return [float(v) for v in np.percentile(means, [2.5, 97.5])]
