"""The two halves of an aligned face, each made whole by its mirror image."""

from __future__ import annotations

import torch
from torch import Tensor

from models.faces.face import FaceBatch

LEFT, RIGHT = (0, 3), (1, 4)
"""Keypoints of the left half as seen in the image (eye, corner of the mouth), and theirs on the right."""
NOSE = 2


def halves(faces: FaceBatch) -> tuple[FaceBatch, FaceBatch]:
    """B faces -> B faces of two left halves, and B of two right halves; the middle is that of the crop.

    Of an odd width the middle column belongs to both.
    """
    half = faces.image.shape[3] // 2
    left, right = faces.image[..., :half], faces.image[..., -half:]
    middle = faces.image[..., half : faces.image.shape[3] - half]
    points = faces.keypoints
    return (
        FaceBatch(torch.cat([left, middle, left.flip(3)], 3), symmetric(points, LEFT, RIGHT)),
        FaceBatch(torch.cat([right.flip(3), middle, right], 3), symmetric(points, RIGHT, LEFT)),
    )


def symmetric(keypoints: Tensor, kept: tuple[int, int], replaced: tuple[int, int]) -> Tensor:
    """(B, 5, 2) in [0, 1]: the points of one side as they are, those of the other their mirror images."""
    points = keypoints.clone()
    points[:, list(replaced), 0] = 1 - keypoints[:, list(kept), 0]
    points[:, list(replaced), 1] = keypoints[:, list(kept), 1]
    points[:, NOSE, 0] = 0.5
    return points
