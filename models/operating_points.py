"""What a threshold on the score costs: FAR and TAR, at any threshold, from the scores of the calibration pairs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

STEP = 1e-6
"""Scores are stored as whole multiples of this, rounded down: rates are exact at thresholds of up to six decimals."""
MOST = round(1 / STEP)
"""A score of 1, in units of STEP."""
GAPS = re.compile(r"[0-9]{1,7}(?: [0-9]{1,7})*")
"""What pack_scores writes."""
CHOSE = "they also chose the threshold that the model comes with, so expect somewhat more errors on other people"
"""Said with every rate: the pairs that calibrate a weight also choose its threshold."""


@dataclass(frozen=True)
class OperatingPoints:
    """What a threshold costs, measured.

    Attributes:
        threshold: some thresholds on the score (calibrated probability), ascending.
        far: at each, the fraction of non-matching pairs with score >= threshold.
        tar: at each, the fraction of matching pairs with score >= threshold.
        protocol: the pairs they were measured on, in words.
        matching, non_matching: the pairs' scores, as `pack_scores` writes them; empty where they were not kept.
    """

    threshold: list[float]
    far: list[float]
    tar: list[float]
    protocol: str
    matching: str = ""
    non_matching: str = ""

    @property
    def exact(self) -> bool:
        """Are the rates known at every threshold?"""
        return bool(self.matching and self.non_matching)

    def at(self, threshold: float) -> tuple[float, float]:
        """(FAR, TAR) at a threshold: counted on the stored scores; without them linear between the stored rows.

        Beyond the rows, 0 costs (1, 1) and above the last one both rates fall to 0 at 1. NaN without any row.
        """
        if self.exact:
            return reached(self.non_matching, threshold), reached(self.matching, threshold)
        if not self.threshold:
            return float("nan"), float("nan")
        return self._between(self.far, threshold), self._between(self.tar, threshold)

    def _between(self, rates: list[float], threshold: float) -> float:
        known = {0.0: 1.0, 1.0: 0.0, **dict(zip(self.threshold, rates, strict=True))}
        t = sorted(known)
        return float(np.interp(threshold, t, [known[x] for x in t]))

    def measured_on(self, threshold: float) -> str:
        """The protocol, and that these pairs are not new to the model's own threshold; where the rates at a threshold
        are interpolated, that they are, and between which."""
        known = [0.0, *self.threshold]  # everything reaches 0
        if self.exact or not self.threshold or min(abs(t - threshold) for t in known) < STEP:
            return f"{self.protocol}; {CHOSE}"
        low, high = max(t for t in known if t < threshold), min((t for t in known if t > threshold), default=1.0)
        return f"{self.protocol}; rates interpolated between the thresholds {low:g} and {high:g}; {CHOSE}"


def pack_scores(score: np.ndarray) -> str:
    """Scores in [0, 1] -> sorted, in units of STEP, as the gap from each to the next: "120 3 0 57 ...".

    Raises:
        ValueError: no score, or one outside [0, 1].
    """
    score = np.sort(np.asarray(score, np.float64))
    if not len(score) or not (score[0] >= 0 and score[-1] <= 1):
        raise ValueError("operating points need scores in [0, 1]")
    return " ".join(map(str, np.diff(_steps(score), prepend=0)))


def _steps(value: np.ndarray) -> np.ndarray:
    """Whole steps, rounded down; the 1e-9 keeps a decimal number such as 0.29 from falling to the step below it."""
    return np.floor(value / STEP + 1e-9 / STEP).astype(np.int64)


@lru_cache(maxsize=256)
def unpack_scores(packed: str) -> np.ndarray:
    """What pack_scores wrote -> (n,) int64, ascending, in units of STEP; read-only.

    Raises:
        ValueError: it does not write such a text.
    """
    if not GAPS.fullmatch(packed):
        raise ValueError(f"packed scores are whole numbers with a blank between two, found {packed[:40]!r}")
    steps = np.cumsum(np.array(packed.split(), np.int64))
    if steps[-1] > MOST:
        raise ValueError(f"packed scores lie in [0, 1], found {steps[-1] / MOST:g}")
    steps.flags.writeable = False
    return steps


def reached(packed: str, threshold: float) -> float:
    """The fraction of the packed scores that are at or above a threshold."""
    steps = unpack_scores(packed)
    lowest = np.ceil(threshold / STEP - 1e-9 / STEP)
    return float((len(steps) - np.searchsorted(steps, lowest, side="left")) / len(steps))
