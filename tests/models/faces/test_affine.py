"""Moved and loose crops: the keypoints stay on their pixels, and nothing moved is the aligned crop itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models import Face
from models.faces.affine import LOOSE, Move, loose, moved
from models.faces.align import ARCFACE_112

SIZE = 400
DOTS = np.array([[170, 180], [240, 190], [200, 225], [175, 265], [230, 270]], np.float32)


@pytest.fixture
def face() -> Face:
    """Five bright discs of different colours on grey, at the keypoints."""
    photo = np.full((SIZE, SIZE, 3), 60, np.uint8)
    y, x = np.mgrid[:SIZE, :SIZE]
    for i, (cx, cy) in enumerate(DOTS):
        photo[(x - cx) ** 2 + (y - cy) ** 2 <= 25] = [255, 40 * i, 255 - 40 * i]
    return Face(photo, DOTS, np.array([130, 120, 280, 320], np.float32), 0.9)


def test_without_a_move_it_is_the_aligned_crop(face: Face) -> None:
    still, aligned = moved(face, ARCFACE_112, Move()), face.aligned(ARCFACE_112)
    assert torch.equal(still.image, aligned.image)
    torch.testing.assert_close(still.keypoints, aligned.keypoints, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "move", [Move(), Move(rotation=30), Move(scale=0.7), Move(shift_x=0.15), Move(-20, 1.1, -0.05, 0.03)]
)
def test_keypoints_stay_on_their_pixels(face: Face, move: Move) -> None:
    for crop in (moved(face, ARCFACE_112, move), loose(face, ARCFACE_112)):
        image, at = crop.image[0].numpy(), (crop.keypoints[0].numpy() * 112 - 0.5).round().astype(int)
        for i, (x, y) in enumerate(at):
            colour = np.array([255, 40 * i, 255 - 40 * i]) / 255
            np.testing.assert_allclose(image[:, y, x], colour, atol=0.12)


def test_directions(face: Face) -> None:
    """Clockwise as seen, larger, right and down: read off the keypoints, which the test above ties to the pixels."""
    still = moved(face, ARCFACE_112, Move()).keypoints[0].numpy()
    turned = moved(face, ARCFACE_112, Move(rotation=90)).keypoints[0].numpy()
    np.testing.assert_allclose(turned - 0.5, np.stack([0.5 - still[:, 1], still[:, 0] - 0.5], 1), atol=1e-5)
    assert turned[0, 1] < turned[1, 1]  # the eye on the left went up
    larger = moved(face, ARCFACE_112, Move(scale=2)).keypoints[0].numpy()
    np.testing.assert_allclose(larger - 0.5, 2 * (still - 0.5), atol=1e-5)
    shifted = moved(face, ARCFACE_112, Move(shift_x=0.2, shift_y=-0.1)).keypoints[0].numpy()
    np.testing.assert_allclose(shifted - still, np.tile([0.2, -0.1], (5, 1)), atol=1e-5)


def test_forth_and_back() -> None:
    move, points = Move(25, 0.8, 0.1, -0.2), np.random.default_rng(0).random((5, 2))
    np.testing.assert_allclose(move.back(move.forth(points)), points, atol=1e-12)
    pixels = points * 112 - 0.5
    matrix = move.matrix(112)
    np.testing.assert_allclose((pixels @ matrix[:, :2].T + matrix[:, 2] + 0.5) / 112, move.forth(points), atol=1e-12)


def test_other_keypoints_leave_the_pixels_alone(face: Face) -> None:
    move = Move(rotation=30)
    own = face.aligned(ARCFACE_112).keypoints[0].numpy().astype(float)
    other = own + 0.1
    crop = moved(face, ARCFACE_112, move, other)
    assert torch.equal(crop.image, moved(face, ARCFACE_112, move).image)
    np.testing.assert_allclose(crop.keypoints[0].numpy(), move.forth(other), atol=1e-6)
    same = moved(face, ARCFACE_112, move, own)
    torch.testing.assert_close(same.keypoints, moved(face, ARCFACE_112, move).keypoints, atol=1e-5, rtol=0)


def test_a_loose_crop_is_the_upright_box_with_a_margin(face: Face) -> None:
    keypoints = loose(face, ARCFACE_112).keypoints[0].numpy()
    side = LOOSE * 200
    expected = (DOTS - [205, 220]) / side + 0.5 + 0.5 / 112  # a pixel's centre at 0 in the photo and in the crop
    np.testing.assert_allclose(keypoints, expected, atol=1.1 / 112)
    eyes = keypoints[1] - keypoints[0]
    np.testing.assert_allclose(eyes[1] / eyes[0], 10 / 70, atol=1e-5)  # not turned upright


def test_a_face_cannot_vanish() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Move(scale=0)
