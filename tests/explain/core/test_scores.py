"""A score among those of matching and non-matching pairs."""

from __future__ import annotations

import numpy as np
import pytest

from explain.core.scores import roc_figure, spread, spread_figure
from models.operating_points import OperatingPoints, pack_scores

MATCHING, OTHER = np.array([0.31, 0.61, 0.95, 1.0]), np.array([0.0, 0.05, 0.31, 0.61, 0.05])
EXACT = OperatingPoints([0.5], [0.2], [0.75], "made", pack_scores(MATCHING), pack_scores(OTHER))
ROWS = OperatingPoints([0.25, 0.75], [0.5, 0.0], [1.0, 0.5], "made")


def test_the_histogram_counts_the_pairs() -> None:
    found = spread(EXACT, bins=10)
    for shares, scores in ((found.matching, MATCHING), (found.other, OTHER)):
        wanted = np.histogram(scores, bins=10, range=(0, 1))[0] / len(scores)
        assert np.allclose(shares, wanted) and shares.sum() == pytest.approx(1)
    assert found.exact


def test_without_the_scores_the_rates_are_interpolated() -> None:
    found = spread(ROWS, bins=4)
    assert not found.exact
    assert np.allclose(found.other, [0.5, 0.25, 0.25, 0]) and np.allclose(found.matching, [0, 0.25, 0.25, 0.5])


def test_both_figures_show_this_pair_and_the_threshold() -> None:
    bars = spread_figure(spread(EXACT), 0.9, 0.5, ("kin", "not kin"))
    assert [t.name for t in bars.data] == ["kin", "not kin", "this pair: 0.900", "threshold: 0.500"]
    assert list(bars.data[2].x) == [0.9, 0.9] and list(bars.data[3].x) == [0.5, 0.5]
    roc = {t.name: t for t in roc_figure(EXACT, 0.9, 0.5).data}
    far, tar = EXACT.at(0.9)
    own = roc["this pair's score as the threshold"]
    assert (own.x[0], own.y[0]) == (far, tar)
    assert (roc["threshold"].x[0], roc["threshold"].y[0]) == EXACT.at(0.5)
    assert roc["ROC"].x[0] == roc["ROC"].y[0] == 1
