"""Metrics against plain transcriptions of their definitions and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics import bootstrap_mean_ci
from training.evaluate.metrics import (
    accuracy,
    auc,
    average_precision,
    best_threshold,
    bootstrap_ci,
    fold_accuracy,
    fold_ci,
    hit_within,
    pair_ece,
    roc,
    tar_at_far,
    tar_table,
)


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    same = rng.random(400) < 0.4
    return np.round(rng.normal(same * 1.2, 1), 1), same  # rounded: with many ties


def test_auc_is_the_chance_of_the_right_order(scored):
    score, same = scored
    pairs = score[same][:, None] - score[~same][None]
    assert auc(score, same) == pytest.approx((pairs > 0).mean() + (pairs == 0).mean() / 2, abs=1e-12)


def test_auc_equals_scikit_learn(scored):
    sklearn = pytest.importorskip("sklearn.metrics")
    assert auc(*scored) == pytest.approx(sklearn.roc_auc_score(scored[1], scored[0]), abs=1e-12)


def test_roc_counts_accepted_pairs(scored):
    score, same = scored
    for threshold, far, tar in zip(*roc(score, same), strict=True):
        assert far == pytest.approx((score[~same] >= threshold).mean())
        assert tar == pytest.approx((score[same] >= threshold).mean())


@pytest.mark.parametrize("far", [0.001, 0.01, 0.1, 0.5, 1.0])
def test_tar_at_far_is_the_best_allowed(scored, far):
    score, same = scored
    allowed = [(score[same] >= t).mean() for t in [*np.unique(score), np.inf] if (score[~same] >= t).mean() <= far]
    assert tar_at_far(score, same, far) == pytest.approx(max(allowed))


def test_tar_table_leaves_out_what_few_pairs_cannot_resolve():
    score, same = np.linspace(0, 1, 70), np.arange(70) >= 20
    assert list(tar_table(score, same)) == ["0.1"]


def test_best_threshold_beats_every_other(scored):
    score, same = scored
    best = accuracy(score, same, best_threshold(score, same))
    assert best == max(accuracy(score, same, t) for t in [*np.unique(score), np.inf])


def test_folds_never_see_their_own_threshold():
    score = np.array([0.1, 0.9, 0.1, 0.9, 0.6, 0.4])  # fold 2 is the wrong way round
    same = np.array([0, 1, 0, 1, 0, 1], bool)
    assert fold_accuracy(score, same, np.array([0, 0, 1, 1, 2, 2])).tolist() == [1.0, 1.0, 0.0]


def test_fold_interval_is_students(scored):
    from scipy.stats import t

    values = np.array([0.9, 0.92, 0.88, 0.95])
    low, high = t.interval(0.95, 3, values.mean(), values.std(ddof=1) / 2)
    assert fold_ci(values) == pytest.approx([low, high])


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_equals_scikit_learn(seed):
    sklearn = pytest.importorskip("sklearn.metrics")
    relevant = np.random.default_rng(seed).random(200) < 0.1
    assert average_precision(relevant) == pytest.approx(sklearn.average_precision_score(relevant, -np.arange(200)))


def test_average_precision_by_hand():
    assert average_precision(np.array([1, 0, 1, 0, 0, 1], bool)) == pytest.approx((1 + 2 / 3 + 3 / 6) / 3)
    assert average_precision(np.array([1, 1, 0, 0], bool)) == 1.0
    with pytest.raises(ValueError, match="relevant"):
        average_precision(np.zeros(4, bool))


def test_rank_k_wants_one_among_the_first_k():
    relevant = np.array([0, 0, 0, 0, 1, 1], bool)
    assert hit_within(relevant, 5) and not hit_within(relevant, 4) and hit_within(relevant[4:], 5)


def test_bootstrap_resamples_whole_groups():
    values = np.repeat([0.0, 1.0], 500)  # two families: the mean can only be 0, .5 or 1
    interval = bootstrap_ci(lambda rows: float(values[rows].mean()), ["a"] * 500 + ["b"] * 500)
    assert interval == [0.0, 1.0]


def test_bootstrap_agrees_with_the_normal_interval_when_groups_are_single():
    values = np.random.default_rng(0).normal(size=2000)
    low, high = bootstrap_ci(lambda rows: float(values[rows].mean()), [str(i) for i in range(2000)])
    half = 1.96 * values.std() / np.sqrt(2000)
    assert low == pytest.approx(values.mean() - half, abs=half / 5)
    assert high == pytest.approx(values.mean() + half, abs=half / 5)


@pytest.mark.parametrize(
    ("score", "same"),
    [([1, 2], [True, True]), ([1, 2], [False, False]), ([np.nan, 1], [True, False]), ([1, 2, 3], [True, False])],
)
def test_bad_lists_are_refused(score, same):
    with pytest.raises(ValueError):
        auc(np.array(score, float), np.array(same))


def test_the_interval_of_a_mean_is_that_of_any_statistic():
    rng = np.random.default_rng(3)
    right, groups = rng.random(90) < 0.7, [f"F{i}" for i in rng.integers(0, 12, 90)]
    slow = bootstrap_ci(lambda r: float(right[r].mean()), groups)
    assert bootstrap_mean_ci(right, groups) == pytest.approx(slow, abs=1e-12) and slow[0] < slow[1]


def test_calibration_error_of_pairs_by_hand(scored):
    score = np.array([0.05, 0.05, 0.95, 0.95, 0.5])
    same = np.array([False, True, True, True, False])
    # matching pairs weigh 1/6 each, others 1/4: the first bin has 1/6 (1 - .05) - 1/4 * .05, and so on
    expected = abs(0.95 / 6 - 0.05 / 4) + 2 * 0.05 / 6 + 0.5 / 4
    assert pair_ece(score, same) == pytest.approx(expected)
    calibrated = np.full(400, 0.5)
    assert pair_ece(calibrated, scored[1]) == pytest.approx(0, abs=1e-12)
