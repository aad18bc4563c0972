"""Regions of action units: where they lie on a drawn face."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.studies.faces68 import drawn_face
from training.studies.action_units import EMOTIONS, RIGHT, UNITS, emotion_mask, five_points, unit_mask

FACE = drawn_face()


def middle(mask: np.ndarray) -> np.ndarray:
    """Mean (x, y) of a mask in [0, 1]."""
    return (np.argwhere(mask).mean(0)[::-1] + 0.5) / len(mask)


def test_every_landmark_has_one_that_mirrors_it():
    assert sorted(RIGHT) == list(range(68)) and all(RIGHT[RIGHT[k]] == k for k in RIGHT)


def test_units_of_all_emotions_have_a_region():
    assert {unit for units in EMOTIONS.values() for unit in units} == set(UNITS)


@pytest.mark.parametrize("unit", UNITS)
def test_a_region_of_a_mirrored_face_is_its_own_mirror_image(unit):
    mask = unit_mask(unit, FACE, 64)
    assert mask.any() and np.array_equal(mask, mask[:, ::-1])


def test_regions_lie_one_below_the_other():
    heights = [middle(unit_mask(unit, FACE, 96))[1] for unit in (1, 5, 6, 12, 15, 26)]
    assert heights == sorted(heights)
    left = unit_mask(2, FACE, 96)[:, :48]
    assert middle(unit_mask(1, FACE, 96)[:, :48])[0] > middle(left)[0]  # the inner brow is nearer the middle


def test_radii_are_in_eye_distances_and_turn_with_the_face():
    region = UNITS[23]  # one ellipse: area pi a b
    area = np.pi * region.radii[0] * region.radii[1] * 0.36**2
    assert unit_mask(23, FACE, 200).mean() == pytest.approx(area, rel=0.02)
    turned = np.stack([1 - FACE[:, 1], FACE[:, 0]], 1)  # a quarter clockwise
    assert np.array_equal(unit_mask(12, turned, 64), np.rot90(unit_mask(12, FACE, 64), -1))


def test_an_emotion_has_all_its_units():
    whole = emotion_mask("happiness", FACE, 64)
    assert np.array_equal(whole, unit_mask(6, FACE, 64) | unit_mask(12, FACE, 64))


def test_five_points_are_eyes_nose_and_mouth_corners():
    assert five_points(FACE) == pytest.approx(
        np.array([(0.32, 0.4), (0.68, 0.4), (0.5, 0.56), (0.36, 0.75), (0.64, 0.75)])
    )
