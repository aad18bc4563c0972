"""Resampling by hand: pixel centres are whole numbers here and half-integers in PIL."""

from __future__ import annotations

import numpy as np
import pytest

from models.faces.geometry import pil_coefficients, warp

TWICE = np.array([[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]])
"""An image at twice its size: pixel x covers the pixels 2x and 2x + 1, so its centre goes to 2x + 1/2."""


def row(*values: int) -> np.ndarray:
    return np.repeat(np.array(values, np.uint8)[None, :, None], 3, axis=2)


def test_coefficients_of_an_enlargement() -> None:
    """In PIL's frame, corner at 0, twice the size is x / 2 and nothing else."""
    assert pil_coefficients(TWICE) == pytest.approx((0.5, 0, 0, 0, 0.5, 0))


def test_coefficients_of_a_quarter_turn() -> None:
    """(x, y) -> (3 - y, x) in an image four pixels high; with corners (X, Y) -> (4 - Y, X), back (Y, 4 - X)."""
    turn = np.array([[0.0, -1.0, 3.0], [1.0, 0.0, 0.0]])
    assert pil_coefficients(turn) == pytest.approx((0, 1, 0, -1, 0, 4))


def test_pixels_of_an_enlargement() -> None:
    """Target 1 lies a quarter of the way from source 0 to source 1."""
    assert warp(row(0, 100), TWICE, (4, 1))[0, :, 0].tolist() == [0, 25, 75, 100]


def test_pixels_of_a_shift_by_half_a_pixel() -> None:
    half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]])
    assert warp(row(0, 100, 200), half, (3, 1))[0, 1:, 0].tolist() == [50, 150]


def test_pixels_of_a_shift_by_a_whole_one() -> None:
    one = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    assert warp(row(10, 20, 30), one, (3, 1))[0, :, 0].tolist() == [0, 10, 20]
