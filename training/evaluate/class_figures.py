"""Figures of classification, in numpy: confusion, precision, recall, F1, calibration, divergence, intervals.

Classes are numbers from 0. `true` and `predicted` are (N,), `votes` and `probability` (N, K) whose rows add up to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from training.evaluate.metrics import bootstrap_ci

Z95 = 1.959963984540054
"""The standard normal's 97.5 % point."""


def confusion(true: np.ndarray, predicted: np.ndarray, k: int) -> np.ndarray:
    """(K, K) counts: row the true class, column the predicted one.

    Raises:
        ValueError: vectors of two lengths, or a class outside 0 to K - 1.
    """
    true, predicted = np.asarray(true, np.int64), np.asarray(predicted, np.int64)
    if true.shape != predicted.shape or true.ndim != 1:
        raise ValueError(f"true and predicted are two vectors of one length, got {true.shape} and {predicted.shape}")
    if len(true) and (min(true.min(), predicted.min()) < 0 or max(true.max(), predicted.max()) >= k):
        raise ValueError(f"a class is not between 0 and {k - 1}")
    return np.bincount(true * k + predicted, minlength=k * k).reshape(k, k)


def precision_recall_f1(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(K, K) confusion -> (K,) precision, recall and F1; 0 where nothing is to be divided by."""
    right, said, shown = np.diag(table).astype(float), table.sum(0), table.sum(1)
    precision, recall = right / np.maximum(said, 1), right / np.maximum(shown, 1)
    return precision, recall, 2 * right / np.maximum(said + shown, 1)


def macro_f1(true: np.ndarray, predicted: np.ndarray, k: int) -> float:
    """Plain mean of F1 over the classes that `true` holds: a class nobody shows has no F1 of its own, but calling a
    face by it lowers the recall of another class.

    Raises:
        ValueError: as confusion, or no faces.
    """
    table = confusion(true, predicted, k)
    shown = table.sum(1) > 0
    if not shown.any():
        raise ValueError("macro F1 wants at least one face")
    return float(precision_recall_f1(table)[2][shown].mean())


def wilson(right: int, count: int) -> list[float]:
    """95 % score interval of a share (Wilson, 1927), for independent trials; [0, 1] of none."""
    if count == 0:
        return [0.0, 1.0]
    share, extra = right / count, Z95**2 / count
    half = Z95 * np.sqrt(share * (1 - share) / count + extra / (4 * count))
    middle = share + extra / 2
    return [float(max(0.0, (middle - half) / (1 + extra))), float(min(1.0, (middle + half) / (1 + extra)))]


def per_class(
    true: np.ndarray, predicted: np.ndarray, names: Sequence[str], groups: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Class -> precision, recall with its 95 % interval, F1 and count, for the classes that `true` holds.

    Args:
        names: of the K classes.
        groups: of each face (its person); the interval is then a bootstrap over them, else Wilson's.
    """
    true, predicted = np.asarray(true), np.asarray(predicted)
    table = confusion(true, predicted, len(names))
    precision, recall, f1 = precision_recall_f1(table)
    report = {}
    for k in np.flatnonzero(table.sum(1)).tolist():
        right, count = int(table[k, k]), int(table[k].sum())
        rows = np.flatnonzero(true == k)
        interval = wilson(right, count) if groups is None else _share_ci((predicted == k)[rows], groups, rows)
        report[names[k]] = {
            "faces": count,
            "recall": float(recall[k]),
            "recall_ci95": interval,
            "precision": float(precision[k]),
            "f1": float(f1[k]),
        }
    return report


def _share_ci(right: np.ndarray, groups: Sequence[str], rows: np.ndarray) -> list[float]:
    return bootstrap(lambda drawn: float(right[drawn].mean()), len(right), [groups[i] for i in rows.tolist()])


def bootstrap(
    statistic: Callable[[np.ndarray], float],
    count: int,
    groups: Sequence[str] | None = None,
    rounds: int = 1000,
    seed: int = 0,
) -> list[float]:
    """95 % percentile interval of a statistic over rows drawn with replacement, whole groups at a time where given.

    Args:
        statistic: row numbers (repeats allowed) -> value; a round in which it raises ValueError is left out.
        count: number of rows.
        groups: the group (person) of each row; None: rows are independent.

    Raises:
        ValueError: no rows, or no round gave a value.
    """
    if count == 0:
        raise ValueError("no rows to draw from")
    if groups is not None:
        return bootstrap_ci(statistic, groups, rounds, seed)
    rng, values = np.random.default_rng(seed), []
    for _ in range(rounds):
        with suppress(ValueError):
            values.append(statistic(rng.integers(0, count, count)))
    if not values:
        raise ValueError("the rows are too few for a bootstrap")
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]


def _binned(value: np.ndarray, outcome: np.ndarray, bins: int) -> float:
    """Sum over equal bins of `value` in [0, 1] of share of cells * |mean value - mean outcome|."""
    place = np.clip(np.ceil(value * bins - 1e-9).astype(int) - 1, 0, bins - 1)  # (0, 1/bins], (1/bins, 2/bins] ...
    gap = np.bincount(place, weights=value - outcome, minlength=bins)
    return float(np.abs(gap).sum() / len(value))


def ece(probability: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error (Guo et al., 2017): by how much confidence and accuracy differ, mean over faces.

    Args:
        probability: (N,) of the predicted class.
        correct: (N,) whether it was right.

    Raises:
        ValueError: no faces, two lengths, or a probability outside [0, 1].
    """
    probability, correct = np.asarray(probability, float), np.asarray(correct, float)
    if probability.shape != correct.shape or probability.ndim != 1 or not len(probability):
        raise ValueError(f"a probability and an outcome a face, got {probability.shape} and {correct.shape}")
    if not ((probability >= 0) & (probability <= 1 + 1e-6)).all():
        raise ValueError("a probability is not between 0 and 1")
    return _binned(probability, correct, bins)


def vote_ece(votes: np.ndarray, probability: np.ndarray, bins: int = 15) -> float:
    """Calibration of shares of votes: cells (face, class) in bins of the predicted share; |mean predicted - mean
    voted| of each bin, weighted by its cells.

    Raises:
        ValueError: two shapes, or no faces.
    """
    votes, probability = _both(votes, probability)
    return _binned(probability.ravel(), votes.ravel(), bins)


def kl(votes: np.ndarray, probability: np.ndarray) -> float:
    """Kullback-Leibler divergence of the prediction from the votes in nats, mean over faces.

    Raises:
        ValueError: two shapes, or no faces.
    """
    votes, probability = _both(votes, probability)
    ratio = np.log(np.maximum(votes, 1e-12)) - np.log(np.maximum(probability, 1e-12))
    return float(np.where(votes > 0, votes * ratio, 0.0).sum(1).mean())


def _both(votes: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    votes, probability = np.asarray(votes, float), np.asarray(probability, float)
    if votes.shape != probability.shape or votes.ndim != 2 or not len(votes):
        raise ValueError(f"votes and probabilities are two tables of one shape, got {votes.shape}, {probability.shape}")
    return votes, probability
