"""Figures of pair verification and of search, in numpy: AUC, accuracy, ROC, TAR at a FAR, folds, mAP, bootstrap.

Scores are higher for pairs that match. `same` is True for those. FAR (false accept rate) is the share of
non-matching pairs with score >= threshold, TAR (true accept rate) the share of matching ones.
"""

from __future__ import annotations

import numpy as np

from models.metrics import accuracy as accuracy
from models.metrics import auc as auc
from models.metrics import bootstrap_ci as bootstrap_ci
from models.metrics import checked

FARS = (1e-1, 1e-2, 1e-3)
"""False accept rates at which the true accept rate is reported."""


def pair_ece(score: np.ndarray, same: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of a probability that assumes as many matching as other pairs.

    sum over bins of |sum of w (same - score)|, bins of equal width, the weights w of either kind adding up to one half.
    Bins: Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.

    Raises:
        ValueError: only one kind of pair, or a score that is not finite.
    """
    score, same = checked(score, same)
    weight = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    place = np.minimum((score * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(place, weight * (same - score))).sum())


def roc(score: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(threshold, FAR, TAR) at every distinct score, thresholds descending; the first row, at inf, accepts nothing."""
    score, same = checked(score, same)
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.nonzero(np.diff(score[order]))[0], len(score) - 1)  # last of each run of ties
    tar, far = np.cumsum(same[order])[ends] / same.sum(), np.cumsum(~same[order])[ends] / (~same).sum()
    return np.r_[np.inf, score[order][ends]], np.r_[0.0, far], np.r_[0.0, tar]


def tar_at_far(score: np.ndarray, same: np.ndarray, far: float) -> float:
    """The largest TAR among thresholds whose FAR does not exceed `far` (no interpolation)."""
    _, fars, tars = roc(score, same)
    return float(tars[np.searchsorted(fars, far + 1e-12, side="right") - 1])


def tar_table(score: np.ndarray, same: np.ndarray) -> dict[str, float]:
    """FAR, as text ("0.01"), -> TAR, for those of FARS that the number of non-matching pairs can resolve."""
    fewest = 1 / max(1, int((~np.asarray(same, bool)).sum()))
    return {f"{far:g}": tar_at_far(score, same, far) for far in FARS if far >= fewest}


def best_threshold(score: np.ndarray, same: np.ndarray) -> float:
    """The threshold of the highest accuracy: midway between two neighbouring scores, the middle one among equals."""
    score, same = checked(score, same)
    values = np.unique(score)
    cuts = np.r_[values[0], (values[1:] + values[:-1]) / 2, np.nextafter(values[-1], np.inf)]
    positive, negative = np.sort(score[same]), np.sort(score[~same])
    right = len(positive) - np.searchsorted(positive, cuts) + np.searchsorted(negative, cuts)
    winners = np.flatnonzero(right == right.max())
    return float(cuts[winners[len(winners) // 2]])


def fold_accuracy(score: np.ndarray, same: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Accuracy on each fold at the best threshold of the other folds (LFW's protocol), in the order of fold numbers."""
    score, same, fold = np.asarray(score), np.asarray(same, bool), np.asarray(fold)
    results = []
    for k in np.unique(fold):
        out = fold == k
        results.append(accuracy(score[out], same[out], best_threshold(score[~out], same[~out])))
    return np.array(results)


def average_precision(relevant: np.ndarray) -> float:
    """Mean over the relevant items of the precision at their place in a ranking (Buckley & Voorhees, 2000).

    Args:
        relevant: (N,) bool, best-ranked first.

    Raises:
        ValueError: nothing is relevant.
    """
    places = np.flatnonzero(relevant) + 1
    if not len(places):
        raise ValueError("nothing in the ranking is relevant")
    return float(np.mean(np.arange(1, len(places) + 1) / places))


def hit_within(relevant: np.ndarray, k: int) -> bool:
    """Rank@k of one ranking: is at least one of its first k items relevant? (N,) bool, best-ranked first."""
    return bool(np.asarray(relevant)[:k].any())


def fold_ci(per_fold: np.ndarray) -> list[float]:
    """95 % interval of the mean over folds: mean +- t * standard error, Student's t."""
    from scipy.stats import t

    half = float(t.ppf(0.975, len(per_fold) - 1) * per_fold.std(ddof=1) / np.sqrt(len(per_fold)))
    return [float(per_fold.mean() - half), float(per_fold.mean() + half)]
