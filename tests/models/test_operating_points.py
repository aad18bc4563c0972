"""FAR and TAR at any threshold, against counts on a handful of scores."""

from __future__ import annotations

import numpy as np
import pytest

from models.operating_points import CHOSE, OperatingPoints, pack_scores, reached, unpack_scores
from training.tools.calibration import operating_points

SCORES = np.array([0.1, 0.3, 0.3, 0.9995, 0.29, 0.5, 0.99951, 0.99951])
SAME = np.array([False] * 4 + [True] * 4)
GRID_ONLY = OperatingPoints([0.2, 0.4], [0.8, 0.4], [0.9, 0.7], "some pairs")


@pytest.mark.parametrize(
    ("threshold", "far", "tar"),
    [
        (0.0, 1.0, 1.0),
        (0.1, 1.0, 1.0),  # a score at the threshold counts
        (0.100001, 0.75, 1.0),
        (0.29, 0.75, 1.0),  # 0.29 is no binary number
        (0.3, 0.75, 0.75),
        (0.300001, 0.25, 0.75),
        (0.5, 0.25, 0.75),
        (0.51, 0.25, 0.5),
        (0.999, 0.25, 0.5),
        (0.9995, 0.25, 0.5),
        (0.999505, 0.0, 0.5),
        (0.99951, 0.0, 0.5),
        (0.99952, 0.0, 0.0),  # above every score
        (1.0, 0.0, 0.0),
    ],
)
def test_rates_at_any_threshold(threshold: float, far: float, tar: float) -> None:
    points = operating_points(SCORES, SAME, "eight pairs")
    assert points.at(threshold) == (far, tar)
    assert points.measured_on(threshold) == f"eight pairs; {CHOSE}"


def test_a_score_of_one_reaches_the_threshold_one() -> None:
    assert reached(pack_scores(np.array([1.0, 0.0])), 1.0) == 0.5


def test_many_thresholds_are_counted_as_the_scores_say() -> None:
    rng = np.random.default_rng(0)
    score, same = np.round(rng.random(3000), 6), rng.random(3000) < 0.3
    points = operating_points(score, same, "drawn")
    for t in np.round(rng.random(300), 6):
        far, tar = points.at(float(t))
        assert far == (score[~same] >= t).mean() and tar == (score[same] >= t).mean()


def test_scores_are_kept_as_gaps_of_whole_millionths() -> None:
    assert pack_scores(np.array([0.29, 0.000002, 0.2900019])) == "2 289998 1"
    assert list(unpack_scores("2 289998 1")) == [2, 290000, 290001]
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        pack_scores(np.array([0.2, 1.2]))
    with pytest.raises(ValueError, match="need scores"):
        pack_scores(np.array([]))


@pytest.mark.parametrize("packed", ["abc", "", " ", "1  2", "-1 2", "1.5", "9" * 20, "1000000 1", "1\n"])
def test_no_other_text_is_read_as_scores(packed: str) -> None:
    with pytest.raises(ValueError, match="packed scores"):
        unpack_scores(packed)
    assert list(unpack_scores("0 1000000")) == [0, 1_000_000]


@pytest.mark.parametrize(
    ("threshold", "far", "tar", "between"),
    [
        (0.2, 0.8, 0.9, ""),
        (0.4, 0.4, 0.7, ""),
        (0.25, 0.7, 0.85, "0.2 and 0.4"),
        (0.0, 1.0, 1.0, ""),
        (0.1, 0.9, 0.95, "0 and 0.2"),
        (0.7, 0.2, 0.35, "0.4 and 1"),
        (1.0, 0.0, 0.0, "0.4 and 1"),
    ],
)
def test_without_scores_rates_are_interpolated_and_said_to_be(
    threshold: float, far: float, tar: float, between: str
) -> None:
    assert GRID_ONLY.at(threshold) == pytest.approx((far, tar))
    words = GRID_ONLY.measured_on(threshold)
    expected = f"some pairs; rates interpolated between the thresholds {between}" if between else "some pairs"
    assert words == f"{expected}; {CHOSE}"


def test_nothing_measured_is_not_a_number() -> None:
    assert np.isnan(OperatingPoints([], [], [], "none").at(0.5)).all()
