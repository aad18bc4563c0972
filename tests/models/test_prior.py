"""The probability of a match under other shares of matching pairs."""

from __future__ import annotations

import pytest

from models.prior import EVEN, posterior


@pytest.mark.parametrize("score", [0.0, 0.2, 0.4711, 0.93, 1.0])
def test_a_score_stands_where_half_of_all_pairs_match(score: float) -> None:
    assert posterior(score, EVEN) == pytest.approx(score)


@pytest.mark.parametrize(
    ("score", "prior", "wanted"),
    [(0.9, 0.1, 0.5), (0.5, 0.01, 0.01), (0.8, 0.2, 0.5), (0.75, 0.75, 0.9), (0.3, 0.0, 0.0), (0.3, 1.0, 1.0)],
)
def test_odds_are_multiplied(score: float, prior: float, wanted: float) -> None:
    assert posterior(score, prior) == pytest.approx(wanted)


def test_more_matching_pairs_never_make_a_match_less_likely() -> None:
    found = [posterior(0.6, p / 20) for p in range(21)]
    assert found == sorted(found) and len(set(found)) == 21


@pytest.mark.parametrize(("score", "prior"), [(1.1, 0.5), (0.5, -0.1), (float("nan"), 0.5)])
def test_numbers_outside_are_refused(score: float, prior: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        posterior(score, prior)
