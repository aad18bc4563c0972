"""Figures of classification against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.class_figures import (
    bootstrap,
    confusion,
    ece,
    kl,
    macro_f1,
    per_class,
    precision_recall_f1,
    vote_ece,
    wilson,
)

TRUE, SAID = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 3, 2])


def test_confusion_has_the_true_class_in_rows():
    assert confusion(TRUE, SAID, 4).tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(("true", "said"), [([0, 4], [0, 0]), ([0, -1], [0, 0]), ([0], [0, 1])])
def test_confusion_refuses_unknown_classes_and_lengths(true, said):
    with pytest.raises(ValueError):
        confusion(np.array(true), np.array(said), 4)


def test_precision_recall_f1_by_hand():
    precision, recall, f1 = precision_recall_f1(confusion(TRUE, SAID, 4))
    assert precision.tolist() == [1, 1 / 2, 1, 0]
    assert recall.tolist() == [2 / 3, 1 / 2, 1, 0]
    assert f1 == pytest.approx([0.8, 0.5, 1, 0])


def test_macro_f1_is_over_the_classes_that_are_shown():
    assert macro_f1(TRUE, SAID, 4) == pytest.approx((0.8 + 0.5 + 1) / 3)


def test_macro_f1_equals_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    true = rng.integers(0, 5, 300)
    said = np.where(rng.random(300) < 0.6, true, rng.integers(0, 5, 300))
    assert macro_f1(true, said, 5) == pytest.approx(metrics.f1_score(true, said, average="macro"))


def test_wilson_by_hand():
    # z = 1.96: 8 of 10 -> (0.8 + z^2/20 -+ z sqrt(0.16/10 + z^2/400)) / (1 + z^2/10)
    assert wilson(8, 10) == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert wilson(0, 0) == [0.0, 1.0]
    assert wilson(0, 20)[0] == 0.0 < wilson(0, 20)[1] == pytest.approx(0.1611, abs=1e-4)


def test_per_class_names_what_is_shown_and_draws_whole_people():
    found = per_class(TRUE, SAID, ("a", "b", "c", "d"))
    assert list(found) == ["a", "b", "c"] and found["a"]["faces"] == 3
    assert found["a"]["recall_ci95"] == wilson(2, 3)
    one = per_class(TRUE, SAID, ("a", "b", "c", "d"), groups=["p"] * 6)
    assert one["a"]["recall_ci95"] == pytest.approx([2 / 3, 2 / 3])  # a single person cannot vary


def test_bootstrap_of_independent_rows_and_of_people():
    values = np.repeat([0.0, 1.0], 50)
    low, high = bootstrap(lambda r: float(values[r].mean()), 100)
    assert low == pytest.approx(0.4, abs=0.03) and high == pytest.approx(0.6, abs=0.03)  # 1.96 sqrt(.25 / 100)
    wide = bootstrap(lambda r: float(values[r].mean()), 100, [str(i // 25) for i in range(100)])
    assert wide[0] < 0.1 and wide[1] > 0.9  # four people only
    with pytest.raises(ValueError):
        bootstrap(lambda r: 0.0, 0)


def test_ece_by_hand():
    # bin (0.8, 0.9]: mean confidence 0.85, accuracy 1/2; bin (0.2, 0.3]: 0.3 and 1: (2 * 0.35 + 0.7) / 3
    assert ece(np.array([0.82, 0.88, 0.3]), np.array([True, False, True]), bins=10) == pytest.approx(1.4 / 3)


def test_ece_of_honest_shares_is_small_and_of_boasts_is_not():
    rng = np.random.default_rng(0)
    confidence = rng.random(20000)
    right = rng.random(20000) < confidence
    assert ece(confidence, right) < 0.02
    assert ece(np.sqrt(confidence), right) == pytest.approx(2 / 3 - 1 / 2, abs=0.02)


@pytest.mark.parametrize(("confidence", "right"), [([], []), ([1.2], [1]), ([0.5, 0.5], [1])])
def test_ece_refuses_what_is_no_probability(confidence, right):
    with pytest.raises(ValueError):
        ece(np.array(confidence), np.array(right))


def test_vote_ece_by_hand():
    votes, said = np.array([[1.0, 0.0], [0.6, 0.4]]), np.array([[0.7, 0.3], [0.7, 0.3]])
    # cells of 0.7: 0.7 against 0.8; cells of 0.3: 0.3 against 0.2; two cells each
    assert vote_ece(votes, said, bins=10) == pytest.approx(0.1)


def test_kl_by_hand_and_zero_of_the_votes_themselves():
    votes = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    said = np.array([[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]])
    assert kl(votes, said) == pytest.approx(np.log(2))
    assert kl(votes, votes) == pytest.approx(0)
    with pytest.raises(ValueError):
        kl(votes, said[:1])
