"""Which face stands for its photo."""

from __future__ import annotations

import numpy as np

from models.faces.choice import nearest_centre
from models.faces.face import Face


def face(photo: np.ndarray, box: tuple[int, int, int, int]) -> Face:
    return Face(photo, np.zeros((5, 2), np.float32), np.array(box, np.float32), 1.0)


def test_the_face_nearest_the_centre_not_the_largest() -> None:
    photo = np.zeros((100, 200, 3), np.uint8)
    large, central = face(photo, (0, 0, 90, 90)), face(photo, (90, 40, 120, 70))
    assert nearest_centre(photo, [large, central]) is central
    assert nearest_centre(photo, []) is None
