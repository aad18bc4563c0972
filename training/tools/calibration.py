"""From raw cosines to a probability, a threshold and what the threshold costs, on held-out training pairs.

    calibration = calibrate_cosine(model.logit, cosine, same, "words on the pairs")

Platt scaling (Platt, "Probabilistic outputs for support vector machines", 1999): P(same | cos) =
sigmoid(slope * cos + offset), fitted by maximum likelihood with both classes given equal mass, so that a
score of 0.5 is the even-odds point whatever the share of matching pairs in the list. Never fitted on an
evaluation set.

For your own photos: training/calibrate.py.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from models.operating_points import OperatingPoints, pack_scores
from models.pair import CosineLogit, PairModel
from training.data.sets import by_identity, data_row, family_of, folder_crops, image_names
from training.evaluate.metrics import best_threshold
from training.evaluate.scoring import encode_crops

GRID = (0.001, 0.002, 0.005, *(i / 100 for i in range(1, 100)), 0.995, 0.998, 0.999)
"""Thresholds of the operating points."""


@dataclass(frozen=True)
class Calibration:
    """Threshold on the score and what thresholds cost, as measured.

    Attributes:
        threshold: the shipped one.
        threshold_protocol: how and on which pairs it was chosen.
        points: FAR and TAR over GRID.
    """

    threshold: float
    threshold_protocol: str
    points: OperatingPoints


def fit_platt(cosine: np.ndarray, same: np.ndarray, steps: int = 100, smooth: bool = False) -> tuple[float, float]:
    """Slope and offset of the class-balanced logistic fit, by Newton's method.

    Args:
        smooth: Platt's targets, (n + 1) / (n + 2) for n matching pairs and 1 / (n + 2) for n others, in place of 1 and
            0: the fit is finite on any list, also on a short one whose cosines separate the kinds.

    Raises:
        ValueError: one kind of pair is missing, all cosines are the same, or (without smooth) the cosines separate the
            kinds perfectly: no finite fit.
    """
    cosine, same = np.asarray(cosine, np.float64), np.asarray(same, bool)
    if same.all() or not same.any():
        raise ValueError("both matching and non-matching pairs are needed")
    if np.ptp(cosine) == 0:
        raise ValueError("every pair has the same cosine")
    if smooth:  # in units of the spread: cosines may lie close together
        slope, offset = _logistic(cosine / cosine.std() - cosine.mean() / cosine.std(), same, smooth, steps)
        return slope / float(cosine.std()), offset - slope * float(cosine.mean() / cosine.std())
    return _logistic(cosine, same, smooth, steps)


def _logistic(cosine: np.ndarray, same: np.ndarray, smooth: bool, steps: int) -> tuple[float, float]:
    """Newton's method for fit_platt."""
    x = np.stack([cosine, np.ones_like(cosine)], 1)
    mass = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    target = np.where(same, 1 - 1 / (same.sum() + 2), 1 / ((~same).sum() + 2)) if smooth else same
    w = np.zeros(2)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -60, 60)))
        gradient = x.T @ (mass * (p - target))
        hessian = (x * (mass * p * (1 - p))[:, None]).T @ x + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        w -= step / max(1.0, float(np.abs(step).max()) / 10)  # damped: the first steps may overshoot
        if np.abs(step).max() < 1e-9:
            return float(w[0]), float(w[1])
    raise ValueError("no finite fit: the cosines separate matching from non-matching pairs")


def fit_platt_of_mean(log_odds: np.ndarray, same: np.ndarray, steps: int = 100) -> tuple[float, float]:
    """Slope and offset where the score is the mean of the probabilities of both orders, as PairOutput's.

    Maximum likelihood of mean_j sigmoid(slope * log_odds_j + offset), both classes with equal mass, by Fisher scoring
    from the fit to the mean log-odds. The two fits are the same where both orders give the same log-odds.

    Args:
        log_odds: (P, 2), a column an order.  same: (P,) bool.

    Raises:
        ValueError: as fit_platt, or the likelihood has no maximum near that start.
    """
    log_odds, same = np.asarray(log_odds, np.float64), np.asarray(same, bool)
    w = np.array(fit_platt(log_odds.mean(1), same))
    if np.ptp(log_odds, axis=1).max() == 0:
        return float(w[0]), float(w[1])
    mass = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    for _ in range(steps):
        each = 1 / (1 + np.exp(-np.clip(w[0] * log_odds + w[1], -60, 60)))  # (P, 2)
        p, slope = each.mean(1), each * (1 - each)
        change = np.stack([(slope * log_odds).mean(1), slope.mean(1)], 1)  # (P, 2) of p by slope and offset
        weight = mass / np.clip(p * (1 - p), 1e-30, None)
        gradient = change.T @ (weight * (p - same))
        step = np.linalg.solve((change * weight[:, None]).T @ change + 1e-12 * np.eye(2), gradient)
        w = w - step / max(1.0, float(np.abs(step).max()) / 10)
        if np.abs(step).max() < 1e-9:
            return float(w[0]), float(w[1])
    raise ValueError("no finite fit of the mean of both orders")


def operating_points(score: np.ndarray, same: np.ndarray, protocol: str) -> OperatingPoints:
    """FAR and TAR at each threshold of GRID, and the scores that give them at any other."""
    score, same = np.asarray(score), np.asarray(same, bool)
    accepted = [score >= t for t in GRID]
    return OperatingPoints(
        [float(t) for t in GRID],
        [round(float(a[~same].mean()), 6) for a in accepted],
        [round(float(a[same].mean()), 6) for a in accepted],
        protocol,
        matching=pack_scores(score[same]),
        non_matching=pack_scores(score[~same]),
    )


def calibrate_cosine(
    logit: CosineLogit, cosine: np.ndarray, same: np.ndarray, pairs: str, smooth: bool = False
) -> Calibration:
    """Fit slope and offset into `logit`, choose the threshold of best balanced accuracy, measure operating points.

    Args:
        cosine, same: one value a pair, held out from training.
        pairs: which pairs these are, in words; goes into the sidecar.
        smooth: see fit_platt.

    Raises:
        ValueError: as fit_platt.
    """
    slope, offset = fit_platt(cosine, same, smooth=smooth)
    logit.slope.fill_(slope)
    logit.offset.fill_(offset)
    score = 1 / (1 + np.exp(-(slope * np.asarray(cosine) + offset)))
    rows = balanced_rows(same)
    threshold = round(best_threshold(score[rows], np.asarray(same)[rows]), 4)
    return Calibration(
        threshold,
        f"best accuracy on as many matching as non-matching pairs: {pairs}",
        operating_points(score, same, f"{pairs}; {int(np.sum(same))} matching, {int(np.sum(~same))} non-matching"),
    )


def balanced_rows(same: np.ndarray, seed: int = 0) -> np.ndarray:
    """Rows of all pairs of the rarer kind and as many, drawn at random, of the other."""
    kinds = [np.flatnonzero(same), np.flatnonzero(~np.asarray(same, bool))]
    few = min(map(len, kinds))
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(k)[:few] for k in kinds])


def identity_pairs(
    names: Sequence[str], each: int = 10, negatives: int = 5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Same-person pairs (at most `each` an identity) and, for each, `negatives` pairs of people of other families.

    Returns:
        (P, 2) row numbers into names and (P,) bool.
    """
    draw = random.Random(seed)
    row = {name: i for i, name in enumerate(names)}
    positive: list[tuple[int, int]] = []
    for images in by_identity(names).values():
        pairs = [(row[a], row[b]) for a, b in combinations(images, 2)]
        positive += draw.sample(pairs, min(each, len(pairs)))
    negative: list[tuple[int, int]] = []
    while len(negative) < negatives * len(positive):
        i, j = draw.randrange(len(names)), draw.randrange(len(names))
        if family_of(names[i]) != family_of(names[j]):
            negative.append((i, j))
    return np.array(positive + negative), np.arange(len(positive) + len(negative)) < len(positive)


def some_images(names: Sequence[str], each: int, most: int, seed: int = 0) -> list[str]:
    """At most `each` images of every identity that has two or more, at most `most` in all, identities at random."""
    draw = random.Random(seed)
    groups = [images for images in by_identity(names).values() if len(images) > 1]
    draw.shuffle(groups)
    return sorted([n for images in groups for n in draw.sample(images, min(each, len(images)))][:most])


def verification_pairs(model: PairModel, root: Path) -> tuple[np.ndarray, np.ndarray, list[dict[str, Any]]]:
    """Cosines of same-person and different-person pairs of CelebA identities and of FIW train members.

    The faces go the way of an uploaded photo: detected (the face nearest the centre) and aligned. Different
    FIW members are always of different families.

    Returns:
        cosine (P,), same (P,), and the sidecar's rows on the data.
    """
    cosine, same, rows = [], [], []
    for name, folder, each, most in (
        ("celeba", root / "celeba", 6, 1800),
        ("fiw/train", root / "fiw" / "train", 3, 1200),
    ):
        names = some_images(image_names(folder), each, most)
        pairs, labels = identity_pairs(names)
        codes = encode_crops(model, folder_crops(folder, model.spec, names))
        unit = F.normalize(torch.stack([codes[n] for n in names]), dim=1)
        cosine.append((unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(1).numpy())
        same.append(labels)
        rows.append(data_row(f"{name} (calibration)", folder, names))
    return np.concatenate(cosine), np.concatenate(same), rows
