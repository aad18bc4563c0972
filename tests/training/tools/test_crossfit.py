"""Calibrations that are asked about families they did not see."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.sets import Pair
from training.evaluate.metrics import pair_ece
from training.tools.calibration import fit_platt
from training.tools.crossfit import cross_fit, families, figures_of


def people(count: int) -> list[Pair]:
    """Families of two images each: one matching pair a family, one pair with the next family."""
    kin = [Pair(f"{i}a", f"{i}b", True) for i in range(count)]
    return kin + [Pair(f"{i}a", f"{(i + 1) % count}b", False) for i in range(count)]


def drawn(pairs: list[Pair], seed: int = 0) -> np.ndarray:
    """(P, 2) log-odds, higher for matching pairs, the same in both orders."""
    same = np.array([p.same for p in pairs])
    return np.repeat(np.random.default_rng(seed).normal(same * 1.5, 1)[:, None], 2, 1)


def test_matching_pairs_join_images_to_families() -> None:
    pairs = [Pair("a", "b", True), Pair("c", "b", True), Pair("d", "e", True), Pair("a", "d", False)]
    found = families(pairs)
    assert len({found[n] for n in "abc"}) == 1 and found["d"] == found["e"] != found["a"]


def test_no_pair_is_answered_by_a_fit_that_saw_its_families() -> None:
    pairs = people(40)
    log_odds = drawn(pairs)
    found, family = cross_fit(log_odds, pairs), families(pairs)
    for i in range(4):  # whatever else touches the family of the first image is changed: the answer must stay
        touched = np.array([family[pairs[i].a] in (family[p.a], family[p.b]) for p in pairs])
        touched[i] = False
        again = cross_fit(np.where(touched[:, None], 99, log_odds), pairs)
        assert again.score[i] == pytest.approx(found.score[i], abs=1e-9)


def test_each_fold_is_the_platt_fit_of_the_rest() -> None:
    pairs = people(30)
    log_odds, same = drawn(pairs), np.array([p.same for p in pairs])
    found, family = cross_fit(log_odds, pairs), families(pairs)
    names = sorted(set(family.values()))
    fold = dict(zip(np.random.default_rng(0).permutation(names), np.arange(30) % 5, strict=True))
    rest = np.array([fold[family[p.a]] != 2 and fold[family[p.b]] != 2 for p in pairs])
    assert (found.slopes[2], found.offsets[2]) == fit_platt(log_odds[rest, 0], same[rest], smooth=True)


def test_too_few_families_are_refused() -> None:
    with pytest.raises(ValueError, match="5 folds want as many families, the list has 3"):
        cross_fit(np.zeros((6, 2)), people(3))


def test_figures_by_hand() -> None:
    score, same = np.array([0.9, 0.4, 0.6, 0.1]), np.array([True, True, False, False])
    found = figures_of(score, same, 0.5, ["a", "b", "a", "b"])
    assert (found["accuracy"], found["far_at_threshold"], found["tar_at_threshold"]) == (0.5, 0.5, 0.5)
    assert found["auc"] == 0.75 and found["ece"] == pair_ece(score, same)
