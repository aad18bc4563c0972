"""Faces that are not aligned: an aligned crop turned, scaled and shifted on purpose, and a loose crop of the detection.

Both cut the photo once, so that what lies around the aligned crop is seen where the photo has it (black beyond its
edge), and both carry the keypoints along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from models.faces.face import Face, FaceBatch, InputSpec
from models.faces.geometry import apply_affine, warp

LOOSE = 1.3
"""Side of a loose crop, in longer sides of the detector's box."""


@dataclass(frozen=True)
class Move:
    """How a crop differs from the aligned one; the default is no difference.

    Attributes:
        rotation: of the face about the crop's centre, degrees, clockwise as seen.
        scale: above 1 the face is larger.
        shift_x, shift_y: of the face, in sides of the crop, to the right and down.

    Raises:
        ValueError: scale is not above zero.
    """

    rotation: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"scale must be above 0, got {self.scale}")

    def linear(self) -> np.ndarray:
        """(2, 2): rotation and scale."""
        angle = np.deg2rad(self.rotation)
        return self.scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) affine from pixels of the aligned crop of side `size` to pixels of the moved one."""
        linear, centre = self.linear(), np.full(2, (size - 1) / 2)
        shift = centre - linear @ centre + size * np.array([self.shift_x, self.shift_y])
        return np.hstack([linear, shift[:, None]])

    def forth(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) points (x, y) in [0, 1] of the aligned crop -> the same places in the moved crop."""
        return (points - 0.5) @ self.linear().T + 0.5 + np.array([self.shift_x, self.shift_y])

    def back(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) points in [0, 1] of the moved crop -> the same places in the aligned one; the inverse of forth."""
        return (points - 0.5 - np.array([self.shift_x, self.shift_y])) @ np.linalg.inv(self.linear()).T + 0.5


def moved(face: Face, spec: InputSpec, move: Move, keypoints: np.ndarray | None = None) -> FaceBatch:
    """The aligned crop of a face with a move on top: a batch of one. Without a move it is face.aligned(spec).

    Args:
        keypoints: (5, 2) in [0, 1] of the aligned crop, given to the model in place of the detected ones; the pixels
            are the same either way.

    Raises:
        ValueError: the detected keypoints coincide.
    """
    first, second = face.alignment(spec), move.matrix(spec.size)
    matrix = np.hstack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2:] + second[:, 2:]])
    crop = cut(face, matrix, spec)
    if keypoints is None:
        return crop
    return FaceBatch(crop.image, torch.from_numpy(move.forth(keypoints).astype(np.float32))[None])


def loose(face: Face, spec: InputSpec) -> FaceBatch:
    """The detector's box as an upright square, LOOSE times its longer side, not aligned: a batch of one."""
    left, top, right, bottom = face.box.astype(np.float64)
    side = LOOSE * max(right - left, bottom - top)
    scale = spec.size / side
    centre = np.array([left + right, top + bottom]) / 2
    shift = (spec.size - 1) / 2 - scale * centre
    return cut(face, np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), spec)


def cut(face: Face, matrix: np.ndarray, spec: InputSpec) -> FaceBatch:
    """Warp the photo by a (2, 3) matrix, pixels of the photo -> pixels of the crop; keypoints in [0, 1] follow."""
    crop = warp(face.photo, matrix, (spec.size, spec.size))
    keypoints = (apply_affine(matrix, face.keypoints) + 0.5) / spec.size
    image = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float() / 255  # (1, 3, H, W)
    return FaceBatch(image, torch.from_numpy(keypoints.astype(np.float32))[None])
