"""How well a calibration holds where it was not fitted: fitted on the other families, five times over.

    fitted = cross_fit(log_odds, pairs)
    figures_of(fitted.score, same, 0.5, groups)

The probability assumes that half of all pairs match: matching and other pairs have equal mass in every fit. Where a
share p of them matches, one half after Bayes' rule is a score of 1 - p (models/prior.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.data.sets import Pair
from training.evaluate.metrics import accuracy, auc, bootstrap_ci, pair_ece
from training.evaluate.scoring import sigmoid
from training.tools.calibration import fit_platt

FOLDS = 5


@dataclass(frozen=True)
class CrossFit:
    """Pairs answered by calibrations that saw neither of their families.

    Attributes:
        score: (P,) probability, mean over both orders.
        groups: (P,) the family of the first image, in which pairs are not independent.
        slopes, offsets: of each fold, on the log-odds that were given.
    """

    score: np.ndarray
    groups: list[str]
    slopes: list[float]
    offsets: list[float]


def families(pairs: Sequence[Pair]) -> dict[str, str]:
    """Image -> its family: images that matching pairs join, directly or by others, are one family, named by one."""
    head: dict[str, str] = {}

    def top(name: str) -> str:
        while head.setdefault(name, name) != name:
            head[name] = name = head[head[name]]
        return name

    for pair in pairs:
        first, second = top(pair.a), top(pair.b)
        if pair.same:
            head[second] = first
    return {name: top(name) for name in head}


def cross_fit(log_odds: np.ndarray, pairs: Sequence[Pair], folds: int = FOLDS, seed: int = 0) -> CrossFit:
    """Fit slope and offset on four fifths of the families, answer the pairs of the others, in turn.

    A pair is answered in the fold of its first image's family, by a fit to pairs of which neither image is of that
    fold's families.

    Args:
        log_odds: (P, 2) a column an order, of any scale.
        pairs: their images and labels.

    Raises:
        ValueError: fewer families than folds, or a fold that leaves only one kind of pair to fit on.
    """
    family, same = families(pairs), np.array([p.same for p in pairs])
    names = sorted(set(family.values()))
    if len(names) < folds:
        raise ValueError(f"{folds} folds want as many families, the list has {len(names)}")
    fold_of = dict(zip(np.random.default_rng(seed).permutation(names), np.arange(len(names)) % folds, strict=True))
    sides = np.array([[fold_of[family[name]] for name in (p.a, p.b)] for p in pairs])
    score, slopes, offsets = np.empty(len(pairs)), [], []
    for fold in range(folds):
        seen, asked = (sides != fold).all(1), sides[:, 0] == fold
        slope, offset = fit_platt(log_odds[seen].mean(1), same[seen], smooth=True)
        score[asked] = sigmoid(slope * log_odds[asked] + offset).mean(1)
        slopes.append(slope)
        offsets.append(offset)
    return CrossFit(score, [family[p.a] for p in pairs], slopes, offsets)


def figures_of(score: np.ndarray, same: np.ndarray, threshold: float, groups: Sequence[str]) -> dict[str, Any]:
    """Threshold, accuracy, FAR, TAR, AUC and expected calibration error with intervals over families."""
    said = score >= threshold
    return {
        "threshold": threshold,
        "accuracy": accuracy(score, same, threshold),
        "accuracy_ci95": bootstrap_ci(lambda r: accuracy(score[r], same[r], threshold), groups),
        "far_at_threshold": float(said[~same].mean()),
        "tar_at_threshold": float(said[same].mean()),
        "auc": auc(score, same),
        "auc_ci95": bootstrap_ci(lambda r: auc(score[r], same[r]), groups),
        "ece": pair_ece(score, same),
        "ece_ci95": bootstrap_ci(lambda r: pair_ece(score[r], same[r]), groups),
    }
