"""Halves of a face made whole: by hand on four columns."""

from __future__ import annotations

import torch

from models.faces.face import FaceBatch
from training.data.halves import halves


def test_each_half_is_completed_by_its_mirror_image() -> None:
    row = torch.tensor([0.1, 0.2, 0.3, 0.4])
    points = torch.tensor([[0.2, 0.3], [0.7, 0.35], [0.6, 0.5], [0.3, 0.8], [0.75, 0.85]])
    left, right = halves(FaceBatch(row.expand(1, 3, 2, 4).clone(), points[None]))
    assert torch.equal(left.image[0, 2, 1], torch.tensor([0.1, 0.2, 0.2, 0.1]))
    assert torch.equal(right.image[0, 0, 0], torch.tensor([0.4, 0.3, 0.3, 0.4]))
    want_left = torch.tensor([[0.2, 0.3], [0.8, 0.3], [0.5, 0.5], [0.3, 0.8], [0.7, 0.8]])
    want_right = torch.tensor([[0.3, 0.35], [0.7, 0.35], [0.5, 0.5], [0.25, 0.85], [0.75, 0.85]])
    torch.testing.assert_close(left.keypoints[0], want_left)
    torch.testing.assert_close(right.keypoints[0], want_right)


def test_an_odd_width_keeps_its_middle_column() -> None:
    row = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
    left, right = halves(FaceBatch(row.expand(1, 3, 2, 5).clone(), torch.zeros(1, 5, 2)))
    torch.testing.assert_close(left.image[0, 0, 0], torch.tensor([0.1, 0.2, 0.3, 0.2, 0.1]))
    torch.testing.assert_close(right.image[0, 0, 0], torch.tensor([0.5, 0.4, 0.3, 0.4, 0.5]))


def test_both_halves_of_a_symmetric_face_are_the_face() -> None:
    half = torch.rand(2, 3, 6, 3)
    points = torch.tensor([[0.2, 0.3], [0.8, 0.3], [0.5, 0.5], [0.3, 0.8], [0.7, 0.8]]).expand(2, 5, 2)
    face = FaceBatch(torch.cat([half, half.flip(3)], 3), points)
    for side in halves(face):
        assert torch.equal(side.image, face.image)
        torch.testing.assert_close(side.keypoints, face.keypoints)
