"""A face placed by hand: the keypoints that can be seen stand for those that cannot.

Two visible points fix a similarity (turn, scale, shift); more are fitted by least squares. The points that nobody could
see are put where the template of the partial-face protocol has them. They agree with the fit exactly, so aligning
the completed face to that template gives the same similarity as the visible points alone.
"""

from __future__ import annotations

import numpy as np

from models.faces.align import PARTIAL_160
from models.faces.face import Face
from models.faces.geometry import apply_affine, invert_affine, similarity_transform


def place_face(photo: np.ndarray, points: np.ndarray) -> Face:
    """A face from the keypoints that are known.

    Args:
        photo: (H, W, 3) uint8 RGB.
        points: (5, 2) pixels of the photo in the order of KEYPOINT_NAMES; a row with NaN is unknown.

    Returns:
        A Face with five keypoints, confidence 0; its box spans the protocol's 160 px crop.

    Raises:
        ValueError: fewer than two known points, all of them in one place, or one farther outside of the photo than
            its width or height; the message is for people.
    """
    points = np.asarray(points, np.float64)
    known = ~np.isnan(points).any(1)
    if known.sum() < 2:
        raise ValueError("Two keypoints at least are needed to place a face.")
    if np.ptp(points[known], axis=0).max() < 1:
        raise ValueError("The keypoints lie in one place: put them where eyes, nose and mouth are.")
    size = np.array(photo.shape[1::-1])
    if ((points[known] < -size) | (points[known] > 2 * size)).any():
        raise ValueError(f"A keypoint lies far outside of the photo, which has {size[0]} x {size[1]} pixels.")
    template = PARTIAL_160.points()
    to_photo = invert_affine(similarity_transform(points[known], template[known]))
    completed = np.where(known[:, None], points, apply_affine(to_photo, template))
    last = PARTIAL_160.size - 1
    corners = apply_affine(to_photo, np.array([[0, 0], [last, 0], [0, last], [last, last]], np.float64))
    box = np.concatenate([corners.min(0), corners.max(0)])
    return Face(photo, completed.astype(np.float32), box.astype(np.float32), 0.0)
