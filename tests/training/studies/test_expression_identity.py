"""Likeness and expression on made-up people, of whom it is known what likeness decides."""

from __future__ import annotations

import numpy as np
import pytest

from training.studies.expression_identity import Known, error_auc, error_cell, figures, named_by, pair_correlation, unit

PEOPLE, CLASSES, EACH = 24, 3, 2


def people(depends: float, noise: float = 0.05, seed: int = 0) -> Known:
    """People on a circle of likeness. Everyone shows class k at the angle 120 k + turn, where the turn follows the
    person's place on the circle with weight `depends`."""
    rng = np.random.default_rng(seed)
    place = np.linspace(0, 2 * np.pi, PEOPLE, endpoint=False)
    person = np.repeat(np.arange(PEOPLE), CLASSES * EACH)
    labels = np.tile(np.repeat(np.arange(CLASSES), EACH), PEOPLE)
    angle = 2 * np.pi * labels / CLASSES + depends * place[person]
    circle = [np.stack([np.cos(a), np.sin(a)], 1) for a in (place[person], angle)]
    identity, expression = (unit(c + noise * rng.normal(size=c.shape)) for c in circle)
    return Known(labels, tuple(f"P{p:02d}" for p in person), identity, expression, labels)


def test_where_likeness_decides_the_most_alike_teach_best():
    report = figures(people(1.0))
    assert report["accuracy"]["teachers: nearest"]["mean"] == 1
    assert report["nearest_less_farthest"]["ci95"][0] > 0.3
    assert report["pairs"]["ci95"][0] > 0.8
    assert report["faces"] == PEOPLE * CLASSES * EACH and report["people"] == PEOPLE


def test_where_likeness_says_nothing_no_difference_is_seen():
    report = figures(people(0.0, noise=0.6))
    low, high = report["nearest_less_farthest"]["ci95"]
    assert low < 0 < high
    assert abs(report["pairs"]["mean"]) < 0.1


def test_a_person_is_never_taught_by_their_own_faces():
    known = people(0.0)
    expression = known.expression.copy()
    first = known.person == 0
    expression[first] = np.roll(expression[first], EACH, 0)  # shows another class, each time
    odd = Known(known.labels, known.people, known.identity, expression, known.named)
    right = named_by(odd, "all")
    assert not right[first].any() and right[~first].mean() > 0.8


def test_error_auc_by_hand_compares_within_a_class():
    wrong = np.array([True, False, False, True, False])
    likeness = np.array([0.1, 0.2, 0.1, 0.9, 0.8])
    classes = np.array([0, 0, 0, 1, 1])
    assert error_auc(wrong, likeness, classes) == pytest.approx((1 + 0.5 + 0) / 3)
    with pytest.raises(ValueError):
        error_auc(wrong, likeness, np.arange(5))


def test_without_errors_there_is_no_figure_of_errors():
    known = people(0.0)
    assert error_cell(known, np.zeros(len(known.labels), bool)) == {"mean": None, "ci95": None, "wrong": 0}


def test_pairs_are_of_two_people_and_one_class():
    known = people(0.5)
    assert pair_correlation(known)["pairs"] == CLASSES * PEOPLE * (PEOPLE - 1) // 2


def test_nearest_other_is_never_the_person():
    known = people(0.5, noise=0.0)
    assert known.nearest_other == pytest.approx(np.cos(2 * np.pi / PEOPLE), abs=1e-6)
