"""First figures of the parts: the sets against their definition, the estimate against games whose values are known."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from explain.core.first_parts import ALL, FIRST_SETS, HALVES, FirstParts, ends, first_shapley, halves
from explain.core.parts import shapley
from models.faces.regions import PARTS

FIRST = list(FIRST_SETS)


def game(order: int, seed: int) -> np.ndarray:
    """(256,) v of each set: a random worth for every group of at most `order` players that is in it."""
    random, sets = np.random.default_rng(seed), np.arange(256)
    values = np.full(256, 0.7)
    for size in range(1, order + 1):
        for group in combinations(range(8), size):
            bits = sum(1 << player for player in group)
            values += random.normal() * ((sets & bits) == bits)
    return values


def test_any_three_parts_are_together_in_exactly_one_half() -> None:
    members = [{i for i in range(8) if half >> i & 1} for half in HALVES]
    assert len(set(HALVES)) == 14 and {len(m) for m in members} == {4}
    for three in combinations(range(8), 3):
        assert sum(set(three) <= m for m in members) == 1
    assert {ALL - half for half in HALVES} == set(HALVES)


def test_the_first_sets_are_those_that_are_named() -> None:
    assert len(set(FIRST)) == len(FIRST) == 32 and FIRST[:2] == [0, 255]
    assert FIRST[2:10] == [2**i for i in range(8)] and FIRST[10:18] == [255 - 2**i for i in range(8)]
    assert FIRST[18:] == list(HALVES)


@pytest.mark.parametrize("order", [1, 2])
def test_it_is_exact_where_no_more_than_two_act_together(order: int) -> None:
    for seed in range(5):
        values = game(order, seed)
        np.testing.assert_allclose(first_shapley(values[FIRST]), shapley(values), atol=1e-9)


def test_of_three_the_ends_say_too_much_and_the_halves_too_little() -> None:
    values = ((np.arange(256) & 7) == 7).astype(float)  # players 0, 1 and 2 are worth something together alone
    first = values[FIRST]
    gap = [1 / 8 + part - part.mean() for part in (ends(first), halves(first))]
    assert gap[0][:3] == pytest.approx(7 / 16) and gap[1][:3] == pytest.approx(1 / 4)
    assert first_shapley(first)[:3] == pytest.approx(11 / 32) and shapley(values)[:3] == pytest.approx(1 / 3)


def test_both_estimates_against_their_formulas() -> None:
    values = game(8, 1)
    first = values[FIRST]
    for i in range(8):
        alone, left_out = values[1 << i], values[255 - (1 << i)]
        assert ends(first)[i] == pytest.approx(((alone - values[0]) + (values[255] - left_out)) / 2)
        gain = sum(values[h] if h >> i & 1 else -values[h] for h in HALVES)
        assert halves(first)[i] == pytest.approx(gain / 8)
    assert first_shapley(first).sum() == pytest.approx(values[255] - values[0])


def test_the_finding_reads_its_sets() -> None:
    values = np.arange(256, dtype=np.float32)
    found = FirstParts(PARTS, values[FIRST], 1, "blur", "similarity")
    assert (found.whole, found.empty) == (255, 0)
    assert [found.without(part) for part in PARTS] == [255 - 2**i for i in range(8)]
    np.testing.assert_allclose(found.phi, 2.0 ** np.arange(8), rtol=1e-5)
    with pytest.raises(ValueError, match="32 sets"):
        FirstParts(PARTS, values, 0, "blur", "similarity")
    with pytest.raises(ValueError, match="eight parts"):
        FirstParts(PARTS[:7], values[FIRST], 0, "blur", "similarity")
