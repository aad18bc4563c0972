"""A face placed by two, three or five keypoints."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from models.faces.align import PARTIAL_160
from models.faces.geometry import apply_affine, similarity_transform
from models.faces.placed import place_face

PHOTO = np.zeros((300, 400, 3), np.uint8)
TURN = np.array([[1.2, -0.5, 90.0], [0.5, 1.2, 40.0]])
"""Template to photo: turned, enlarged, shifted."""
POINTS = apply_affine(TURN, PARTIAL_160.points())


def some(*known: int, points: np.ndarray = POINTS) -> np.ndarray:
    out = np.full((5, 2), np.nan)
    out[list(known)] = points[list(known)]
    return out


@pytest.mark.parametrize("known", list(combinations(range(5), 2)))
def test_any_two_points_place_the_face(known: tuple[int, int]) -> None:
    face = place_face(PHOTO, some(*known))
    np.testing.assert_allclose(face.keypoints, POINTS, atol=1e-3)
    assert face.confidence == 0


def test_known_points_stay_and_decide_alone() -> None:
    """Three points that no similarity fits: the completed face aligns as they alone would."""
    points = POINTS + np.array([[0, 0], [8, -3], [0, 0], [-5, 6], [0, 0]])
    known = [0, 1, 3]
    face = place_face(PHOTO, some(*known, points=points))
    np.testing.assert_allclose(face.keypoints[known], points[known], atol=1e-3)
    alone = similarity_transform(points[known], PARTIAL_160.points()[known])
    np.testing.assert_allclose(face.alignment(PARTIAL_160), alone, atol=1e-4)


def test_the_box_spans_the_crop() -> None:
    upright = apply_affine(np.array([[1.0, 0, 20], [0, 1, 10]]), PARTIAL_160.points())
    np.testing.assert_allclose(place_face(PHOTO, upright).box, [20, 10, 179, 169], atol=1e-3)


@pytest.mark.parametrize("points", [some(), some(2)])
def test_fewer_than_two_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Two keypoints at least"):
        place_face(PHOTO, points)


def test_points_in_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match="one place"):
        place_face(PHOTO, np.full((5, 2), 30.0))


@pytest.mark.parametrize("far", [-301.0, 601.0, 1e300, -np.inf])
def test_points_far_outside_are_refused(far: float) -> None:
    points = POINTS.copy()
    points[2, 1] = far
    with pytest.raises(ValueError, match="far outside of the photo, which has 400 x 300 pixels"):
        place_face(PHOTO, points)


def test_a_point_just_outside_is_a_point() -> None:
    points = POINTS - [150, 100]
    assert points.min() < 0 and np.isfinite(place_face(PHOTO, points).box).all()
