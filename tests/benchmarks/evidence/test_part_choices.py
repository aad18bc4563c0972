"""The study of the first figures: what stands beside them is what its name says, and what is shown misses least."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.evidence.page import PAGE, first_parts
from benchmarks.evidence.part_choices import (
    AS_SHIPPED,
    ENDS,
    RANDOM,
    RESULTS,
    SETS,
    estimates,
    kernel_shap,
    paired_sets,
    rows_of,
)
from explain.core.first_parts import FIRST_SETS, first_shapley
from explain.core.parts import shapley
from models import read_sidecar
from tests.explain.core.test_first_parts import game
from training.docs.text import put

EVERY = np.arange(1, 255)


def test_every_estimate_adds_up_and_is_exact_for_additive_games() -> None:
    for name, found in estimates(game(1, 0), 3).items():
        np.testing.assert_allclose(found, shapley(game(1, 0)), atol=1e-9, err_msg=name)
    values = game(8, 1)
    for name, found in estimates(values, 3).items():
        assert found.sum() == pytest.approx(values[255] - values[0]), name
    assert np.array_equal(estimates(values, 3)[AS_SHIPPED], first_shapley(values[list(FIRST_SETS)]))
    assert np.abs(estimates(game(2, 1), 3)[ENDS] - shapley(game(2, 1))).max() < 1e-9


def test_kernel_shap_on_every_set_as_often_as_it_weighs_is_exact() -> None:
    """Lundberg and Lee's theorem: the weighted least squares over all sets are the Shapley values."""
    sizes = np.array([int(s).bit_count() for s in EVERY])
    counts = {1: 60, 2: 10, 3: 4, 4: 3, 5: 4, 6: 10, 7: 60}  # 7 / (C(8, s) s (8 - s)), times 480
    often = np.repeat(EVERY, [counts[int(s)] for s in sizes])
    values = game(8, 2)
    np.testing.assert_allclose(kernel_shap(values, often), shapley(values), atol=1e-9)


def test_random_sets_come_with_their_complements() -> None:
    drawn = paired_sets(30, 5)
    assert len(set(drawn.tolist())) == 30 and {255 - s for s in drawn} == set(drawn.tolist())
    assert not np.array_equal(drawn, paired_sets(30, 6))
    often = np.bincount([int(s).bit_count() for seed in range(200) for s in paired_sets(30, seed)], minlength=9)
    assert often[1] == often[7] and often[1] / 8 > 5 * often[4] / 70  # by weight 28 times as often, each only once


def test_rows_say_how_far_off() -> None:
    games = [game(3, seed) for seed in range(4)]
    rows = {r["row"]: r for r in rows_of(games)}
    assert {name: r["sets"] for name, r in rows.items()} == SETS
    off = np.abs([first_shapley(values[list(FIRST_SETS)]) - shapley(values) for values in games])
    assert rows[AS_SHIPPED]["q95"] == round(float(np.quantile(off, 0.95)), 4)
    assert rows[AS_SHIPPED]["most"] == round(float(off.max()), 4)


def test_what_is_shown_first_misses_least() -> None:
    for name, row in json.loads(RESULTS.read_text())["weights"].items():
        rows = {r["row"]: r for r in row["rows"]}
        assert all(rows[AS_SHIPPED]["q95"] < r["q95"] for other, r in rows.items() if other != AS_SHIPPED), name
        assert rows[AS_SHIPPED]["q95"] < row["largest"] / 3 and rows[RANDOM]["sets"] == rows[AS_SHIPPED]["sets"]


def test_the_page_is_of_the_file() -> None:
    page, found = PAGE.read_text(), json.loads(RESULTS.read_text())
    assert put(page, "part choices", first_parts(found)) == page
    for name, row in found["weights"].items():
        assert row["sha256"] == read_sidecar(name).sha256, (
            f"{name} has changed: python -m benchmarks.evidence.part_choices"
        )
