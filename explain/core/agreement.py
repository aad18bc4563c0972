"""Do two maps of one face say the same? How alike the orders are in which they rank its places.

Spearman's rank correlation (The American Journal of Psychology 15, 1904): the correlation of the ranks, ties sharing
their mean. It does not ask what unit a map has, so maps of different methods can be held against each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from explain.core.findings import Heatmap

SIDE = 28
"""Places a side on which maps of different resolution are compared."""


def rank_correlation(x: Heatmap, y: Heatmap) -> float | None:
    """From -1, the opposite order, to 1, the same one; None where a map has one value throughout.

    Raises:
        ValueError: maps of two faces.
    """
    from scipy.stats import spearmanr  # a third of a second that the first page need not wait for

    if x.face != y.face:
        raise ValueError(f"maps of one face are compared, got faces {x.face + 1} and {y.face + 1}")
    first, second = (np.asarray(m.resized(SIDE, SIDE)).ravel() for m in (x, y))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(spearmanr(first, second).statistic)


def agreement(x: Sequence[Heatmap], y: Sequence[Heatmap]) -> float | None:
    """Mean rank correlation over the faces of an answer, of those that have one; None where none has.

    Raises:
        ValueError: as rank_correlation, or another number of faces.
    """
    found = [r for a, b in zip(x, y, strict=True) if (r := rank_correlation(a, b)) is not None]
    return math.fsum(found) / len(found) if found else None
