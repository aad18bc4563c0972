"""Rank correlation of maps, held against a transcription of Spearman's formula."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from explain.core.agreement import SIDE, agreement, rank_correlation
from explain.core.findings import Heatmap


def heatmap(values: np.ndarray, face: int = 0) -> Heatmap:
    return Heatmap(values.astype(np.float32), face, "occlusion", True, "unit", "caption")


def noise(seed: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((side, side))


def transcribed(x: Sequence[float], y: Sequence[float]) -> float:
    """1 - 6 sum d^2 / (n (n^2 - 1)), d the difference of the ranks; without ties."""
    first, second = (np.argsort(np.argsort(v)) for v in (x, y))
    n, d = len(first), (first - second).astype(float)
    return 1 - 6 * float((d**2).sum()) / (n * (n**2 - 1))


def test_equals_the_formula_and_asks_for_order_alone() -> None:
    x, y = noise(0), noise(1) + 0.7 * noise(0)
    found = rank_correlation(heatmap(x), heatmap(y))
    assert found == pytest.approx(transcribed(x.ravel(), y.ravel()), abs=1e-9) and 0.3 < found < 0.8
    assert rank_correlation(heatmap(x), heatmap(np.exp(3 * y))) == pytest.approx(found)  # another unit
    assert rank_correlation(heatmap(x), heatmap(-x)) == pytest.approx(-1)


def test_maps_of_another_resolution_are_compared_place_by_place() -> None:
    fine = np.kron(noise(2, 7), np.ones((16, 16)))
    assert rank_correlation(heatmap(noise(2, 7)), heatmap(fine)) > 0.9  # type: ignore[operator]
    assert abs(rank_correlation(heatmap(noise(2, 7)), heatmap(fine[:, ::-1].copy()))) < 0.6  # type: ignore[arg-type]


def test_a_flat_map_has_no_order_and_faces_are_not_mixed() -> None:
    flat, x, y = np.ones((7, 7)), noise(3), noise(4)
    assert rank_correlation(heatmap(flat), heatmap(x)) is None
    assert agreement([heatmap(flat)], [heatmap(x)]) is None
    both = agreement([heatmap(x), heatmap(flat, 1)], [heatmap(y), heatmap(y, 1)])
    assert both == rank_correlation(heatmap(x), heatmap(y))
    mean = agreement([heatmap(x), heatmap(y, 1)], [heatmap(-x), heatmap(y, 1)])
    assert mean == pytest.approx(0)
    with pytest.raises(ValueError, match="faces 1 and 2"):
        rank_correlation(heatmap(x), heatmap(x, 1))
