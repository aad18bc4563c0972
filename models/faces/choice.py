"""Which of several faces stands for its photo where nobody chooses: the one nearest the photo's centre."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.faces.face import Face


def nearest_centre(photo: np.ndarray, faces: Sequence[Face]) -> Face | None:
    """The face whose box centre is nearest the centre of its photo; None of none.

    Args:
        photo: (H, W, 3), the photo that the faces are in.
    """
    centre = (np.array([photo.shape[1], photo.shape[0]]) - 1) / 2
    return min(faces, key=lambda face: _distance(face, centre), default=None)


def _distance(face: Face, point: np.ndarray) -> float:
    return float(np.hypot(*(face.box.reshape(2, 2).mean(0) - point)))
