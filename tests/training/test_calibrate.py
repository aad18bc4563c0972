from __future__ import annotations

import numpy as np
import pytest
import torch

from models.pair import CosineLogit
from training.tools.calibration import (
    GRID,
    balanced_rows,
    calibrate_cosine,
    fit_platt,
    fit_platt_of_mean,
    identity_pairs,
    some_images,
)


@pytest.fixture(scope="module")
def cosines() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    same = np.arange(6000) < 1500
    return rng.normal(np.where(same, 0.7, 0.3), 0.15), same


def test_platt_is_the_maximum_of_the_balanced_likelihood(cosines):
    cosine, same = cosines
    slope, offset = fit_platt(cosine, same)

    def loss(s: float, o: float) -> float:
        p = 1 / (1 + np.exp(-(s * cosine + o)))
        return -np.log(p[same]).mean() - np.log(1 - p[~same]).mean()

    best = loss(slope, offset)
    assert all(loss(slope + ds, offset + do) > best for ds, do in [(0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1)])


def test_platt_finds_the_analytic_answer(cosines):
    slope, offset = fit_platt(*cosines)  # two normals of equal width: slope (m1-m0)/s^2, zero at the middle
    assert slope == pytest.approx(0.4 / 0.15**2, rel=0.06)
    assert -offset / slope == pytest.approx(0.5, abs=0.01)


def by_order(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds of both orders, drawn so that the truth is known: a pair is kin with the mean of both probabilities."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 1.5, (60000, 2))
    truth = (1 / (1 + np.exp(-(2.0 * raw - 0.5)))).mean(1)
    return raw, rng.random(len(raw)) < truth


def test_platt_of_the_mean_of_both_orders_finds_the_truth():
    raw, same = by_order()
    share = same.mean()
    rows = np.concatenate([np.flatnonzero(same), np.flatnonzero(~same)])
    raw, same = raw[rows], same[rows]

    def loss(slope: float, offset: float) -> float:
        p = np.mean([1 / (1 + np.exp(-(slope * raw[:, j] + offset))) for j in (0, 1)], axis=0)
        return float(-np.log(p[same]).mean() - np.log(1 - p[~same]).mean())

    slope, offset = fit_platt_of_mean(raw, same)
    near = [(0.02, 0), (-0.02, 0), (0, 0.02), (0, -0.02)]
    assert all(loss(slope + ds, offset + do) > loss(slope, offset) for ds, do in near)
    earlier = fit_platt(raw.mean(1), same)
    assert loss(*earlier) > loss(slope, offset) + 1e-3 and abs(earlier[0] - slope) > 0.1
    assert abs(share - 0.5) < 0.1  # equal mass changes little here:
    assert slope == pytest.approx(2.0, abs=0.15)
    assert fit_platt_of_mean(raw[:, ::-1], same) == pytest.approx((slope, offset), abs=1e-6)


def test_platt_of_equal_orders_is_platt(cosines):
    cosine, same = cosines
    assert fit_platt_of_mean(np.stack([cosine, cosine], 1), same) == fit_platt(cosine, same)
    nearly = np.stack([cosine + 1e-9, cosine - 1e-9], 1)
    assert fit_platt_of_mean(nearly, same) == pytest.approx(fit_platt(cosine, same), rel=1e-5)


def test_platt_refuses_what_has_no_answer():
    with pytest.raises(ValueError, match="separate"):
        fit_platt(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
    with pytest.raises(ValueError, match="both"):
        fit_platt(np.array([0.1, 0.2]), np.array([True, True]))


def test_platts_targets_give_a_finite_fit_on_a_list_that_is_separated():
    """Four cosines, two of a kind: the fit goes through the targets 3/4 and 1/4 at the kinds' middles, .85 and .15."""
    slope, offset = fit_platt(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]), smooth=True)
    at = 1 / (1 + np.exp(-(slope * np.array([0.15, 0.85]) + offset)))
    np.testing.assert_allclose(at, [0.25, 0.75], atol=0.005)
    assert -offset / slope == pytest.approx(0.5)
    near = fit_platt(0.999 + 1e-6 * np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]), smooth=True)
    assert near[0] == pytest.approx(1e6 * slope, rel=1e-3)


def test_platts_targets_hardly_matter_on_a_long_list(cosines):
    np.testing.assert_allclose(fit_platt(*cosines, smooth=True), fit_platt(*cosines), rtol=0.01)


def test_the_same_cosine_for_every_pair_cannot_be_fitted():
    with pytest.raises(ValueError, match="same cosine"):
        fit_platt(np.array([0.5, 0.5, 0.5]), np.array([True, False, True]), smooth=True)


def test_calibration_sets_the_buffers_and_counts_operating_points(cosines):
    cosine, same = cosines
    logit = CosineLogit()
    calibration = calibrate_cosine(logit, cosine, same, "drawn numbers")
    score = torch.sigmoid(logit.slope * torch.tensor(cosine) + logit.offset).numpy()
    assert calibration.points.threshold == list(GRID)
    for t, far, tar in zip(GRID, calibration.points.far, calibration.points.tar, strict=True):
        assert far == pytest.approx((score[~same] >= t).mean(), abs=1e-3)
        assert tar == pytest.approx((score[same] >= t).mean(), abs=1e-3)
    assert calibration.threshold == pytest.approx(0.5, abs=0.1)
    assert "drawn numbers" in calibration.threshold_protocol


def test_balanced_rows_hold_as_many_of_each():
    same = np.arange(50) < 7
    rows = balanced_rows(same)
    assert len(rows) == len(set(rows)) == 14
    assert same[rows].sum() == 7


def test_pairs_of_identities_are_what_their_label_says():
    names = [f"F{f}/M{m}/{i}.jpg" for f in range(6) for m in range(2) for i in range(3)]
    pairs, same = identity_pairs(names, each=2, negatives=4)
    person = [n.rsplit("/", 1)[0] for n in names]
    assert same.sum() == 24 and (~same).sum() == 96
    for (a, b), is_same in zip(pairs, same, strict=True):
        assert a != b
        assert (person[a] == person[b]) if is_same else (names[a][:2] != names[b][:2])


def test_sampled_images_leave_nobody_alone():
    names = ["a/1", "a/2", "a/3", "b/1", "c/1", "c/2"]
    chosen = some_images(names, each=2, most=100)
    assert len(chosen) == 4 and "b/1" not in chosen
