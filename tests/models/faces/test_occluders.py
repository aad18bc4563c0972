"""Drawn occluders: same seed same picture, eyes free under masks, a plausible share of the face at every turn."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from models.faces.align import ARCFACE_112
from models.faces.geometry import apply_affine
from models.faces.occluders import MASKS, OCCLUDERS, occlude
from models.faces.worn.camera import FACE_POINTS, fit_camera
from models.faces.worn.splat import finer

SIZE = 160


def photo(size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Skin-coloured noise."""
    noise = np.random.default_rng(seed).normal(0, 8, (size, size, 3))
    return np.clip(np.array([190, 150, 130]) + noise, 0, 255).astype(np.uint8)


def turned(yaw: float, roll: float = 0.0, unit: float = 44.0) -> np.ndarray:
    """Keypoints of the generic face turned by yaw and tilted by roll (degrees), in a photo of SIZE pixels."""
    a, r = np.radians(yaw), np.radians(roll)
    x = FACE_POINTS[:, 0] * np.cos(a) + FACE_POINTS[:, 2] * np.sin(a)
    points = np.stack([x, FACE_POINTS[:, 1]], 1) @ np.array([[np.cos(r), np.sin(r)], [-np.sin(r), np.cos(r)]])
    return points * unit + [SIZE / 2, 0.36 * SIZE]


def disc(centre: np.ndarray, radius: float, size: int = SIZE) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.hypot(x - centre[0], y - centre[1]) <= radius


def grown(mask: np.ndarray, width: int) -> np.ndarray:
    """The mask widened to all sides by half of `width` pixels."""
    return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(width))) > 0


def face_oval(keypoints: np.ndarray) -> np.ndarray:
    """Pixels of the face, about: an ellipsoid of half-axes 1, 1.35, 0.8 units around its middle, seen by its camera."""
    camera = fit_camera(keypoints)
    y, x = np.mgrid[:SIZE, :SIZE]
    matrix = camera.matrix * [1.0, 1.35, 0.8]
    form = np.linalg.inv(matrix @ matrix.T)
    d = np.stack([x, y], -1) - camera.project(np.array([0.0, 0.65, -0.3]))
    return np.einsum("hwi,ij,hwj->hw", d, form, d) <= 1


@pytest.mark.parametrize("kind", OCCLUDERS)
def test_same_seed_same_picture_other_seed_other_picture(kind: str) -> None:
    image, points = photo(), turned(10)
    before = image.copy()
    first, again, other = (occlude(image, points, kind, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert (first.image != other.image).any()
    np.testing.assert_array_equal(image, before)
    assert first.image.dtype == np.uint8
    assert first.image.shape == image.shape
    assert first.mask.shape == image.shape[:2]
    assert first.mask.dtype == bool


@pytest.mark.parametrize("kind", OCCLUDERS)
def test_what_is_covered_no_longer_shows_the_photo(kind: str) -> None:
    """Two photos that differ everywhere agree under the occluder: the mask says where nothing shines through."""
    points = turned(0)
    dark, bright = np.full((SIZE, SIZE, 3), 120, np.uint8), np.full((SIZE, SIZE, 3), 124, np.uint8)
    a, b = occlude(dark, points, kind, 1), occlude(bright, points, kind, 1)
    np.testing.assert_array_equal(a.mask, b.mask)
    far = ~grown(a.mask, 23)
    assert far.mean() > 0.3
    assert (a.image[far] == 120).all()  # a quarter of the eye distance away nothing has changed
    solid = ~grown(~a.mask, 5)
    difference = np.abs(b.image[solid].astype(int) - a.image[solid])
    gain = 4 / 120 * 255 if kind == "hand" else 4  # a hand takes its colour from the face
    assert difference.max() <= gain + 1
    assert np.abs(a.image[solid].astype(int) - 120).mean() > 5


@pytest.mark.parametrize("yaw", [-60, -30, 0, 30, 60])
@pytest.mark.parametrize("kind", MASKS)
def test_masks_cover_nose_and_mouth_and_leave_the_eyes_free(kind: str, yaw: int) -> None:
    for seed in range(6):
        points = turned(yaw, roll=8 * (seed - 2))
        mask = occlude(photo(), points, kind, seed).mask
        eyes = disc(points[0], 8) | disc(points[1], 8)  # .18 of the eye distance
        assert not mask[eyes].any()
        nose, left, right = np.rint(points[2:]).astype(int)
        middle = (left + right) // 2
        assert mask[nose[1], nose[0]]
        assert mask[middle[1], middle[0]]


BOUNDS = {
    "surgical": (0.30, 0.72),
    "cloth": (0.30, 0.75),
    "n95": (0.26, 0.70),
    "sunglasses": (0.08, 0.40),
    "scarf": (0.28, 0.75),
    "hand": (0.08, 0.55),
}


@pytest.mark.parametrize("yaw", [-55, -25, 0, 25, 55])
@pytest.mark.parametrize("kind", OCCLUDERS)
def test_covered_share_of_the_face_is_plausible(kind: str, yaw: int) -> None:
    for seed in range(4):
        points = turned(yaw)
        face = face_oval(points)
        share = occlude(photo(), points, kind, seed).mask[face].mean()
        low, high = BOUNDS[kind]
        assert low < share < high, f"{kind} covers {share:.2f} of the face at yaw {yaw}, seed {seed}"


def test_sunglasses_cover_the_eyes_and_not_the_mouth() -> None:
    for yaw in (-40, 0, 40):
        points = turned(yaw)
        mask = occlude(photo(), points, "sunglasses", 2).mask
        for x, y in np.rint(points[:2]).astype(int):
            assert mask[y, x]
        assert not mask[disc(points[3], 6) | disc(points[4], 6)].any()


@pytest.mark.parametrize("kind", OCCLUDERS)
def test_drawing_follows_the_face(kind: str) -> None:
    """Shifted keypoints shift the mask by as much."""
    points, image = turned(15) - [10, 0], np.full((SIZE, SIZE, 3), 140, np.uint8)
    still, moved = (occlude(image, points + np.array([shift, 0]), kind, 9).mask for shift in (0, 14))
    inner = slice(20, SIZE - 20)
    agree = still[:, inner] == np.roll(moved, -14, 1)[:, inner]
    assert agree.mean() > 0.985


def test_small_crops_and_large_photos() -> None:
    template = ARCFACE_112.points()
    crop = occlude(photo(112), template, "surgical", 0)
    large = occlude(photo(1200), apply_affine(np.array([[10.0, 0, 30], [0, 10, 30]]), template), "surgical", 0)
    assert abs(crop.mask[40:].mean() - large.mask[430:1150, 30:1150].mean()) < 0.06


def test_a_face_outside_the_image_leaves_it_alone() -> None:
    image = photo()
    worn = occlude(image, turned(0) + 5000, "scarf", 0)
    np.testing.assert_array_equal(worn.image, image)
    assert not worn.mask.any()


def test_refuses_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="no occluder 'veil'"):
        occlude(photo(), turned(0), "veil")
    with pytest.raises(ValueError, match="keypoints"):
        occlude(photo(), np.full((5, 2), 30.0), "n95")


@pytest.mark.parametrize("yaw", [-50, 0, 35])
def test_camera_recovers_the_turn(yaw: int) -> None:
    camera = fit_camera(turned(yaw))
    np.testing.assert_allclose(camera.project(FACE_POINTS), turned(yaw), atol=1e-9)
    np.testing.assert_allclose(camera.view, [-np.sin(np.radians(yaw)), 0, np.cos(np.radians(yaw))], atol=1e-9)
    assert camera.scale == pytest.approx(44)


def test_finer_is_bilinear_with_corners_on_corners() -> None:
    coarse = np.array([[[0.0], [2.0]], [[4.0], [6.0]]])
    np.testing.assert_allclose(finer(coarse, (3, 3))[..., 0], [[0, 1, 2], [2, 3, 4], [4, 5, 6]])
