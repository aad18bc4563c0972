"""Where a generic three-dimensional face lies in the image, from five keypoints.

Face frame: unit = distance of the eyes seen from the front; origin between the eyes; x to the right of the image,
y down, z towards the camera. The shape is our reading of average proportions: the keypoints of a frontal face fall
on the ArcFace template.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FACE_POINTS = np.array([[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.57, 0.42], [-0.41, 1.15, 0.06], [0.41, 1.15, 0.06]])
"""The five keypoints in the face frame, in the order of KEYPOINT_NAMES."""
_FIT = np.linalg.pinv(np.hstack([FACE_POINTS, np.ones((5, 1))]))


@dataclass(frozen=True)
class FaceCamera:
    """An affine camera: face frame -> pixels.

    Attributes:
        matrix: (2, 3).
        shift: (2,) pixels, the middle of the eyes.
    """

    matrix: np.ndarray
    shift: np.ndarray

    @property
    def scale(self) -> float:
        """Pixels of one unit of the face frame, seen from the front."""
        return float(np.linalg.svd(self.matrix, compute_uv=False)[0])

    @property
    def view(self) -> np.ndarray:
        """(3,) unit vector from the face towards the camera, face frame."""
        towards = np.cross(self.matrix[0], self.matrix[1])
        return towards / max(float(np.linalg.norm(towards)), 1e-12)

    def project(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) in the face frame -> (..., 2) pixels."""
        return points @ self.matrix.T + self.shift

    def upright(self) -> np.ndarray:
        """(2, 2) similarity from the face's own plane to pixels: its second axis runs down the face."""
        down = self.matrix[:, 1] / max(float(np.linalg.norm(self.matrix[:, 1])), 1e-12)
        return self.scale * np.array([[down[1], down[0]], [-down[0], down[1]]])


def fit_camera(keypoints: np.ndarray) -> FaceCamera:
    """The affine camera that takes FACE_POINTS to the keypoints with the least squares.

    Args:
        keypoints: (5, 2) pixels.

    Raises:
        ValueError: when the keypoints coincide or lie on one line.
    """
    solution = _FIT @ np.asarray(keypoints, np.float64)  # (4, 2)
    matrix, shift = solution[:3].T, solution[3]
    spread = np.linalg.svd(matrix, compute_uv=False)
    if spread[1] < 0.05 * max(float(spread[0]), 1e-9):
        raise ValueError("the keypoints coincide or lie on one line: nothing can be worn on this face")
    return FaceCamera(matrix, shift)
