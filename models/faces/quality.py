"""How good a photographed face is for a comparison: size, sharpness and turn, measured and in plain words.

Three numbers from one face, by formulas short enough to check by hand; a guide for people, never an input of a model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.faces.align import ARCFACE_112
from models.faces.face import Face

NOSE_DEPTH = 0.41
"""How far the nose tip stands before the plane of eyes and mouth, in eye distances (a mean 3-D face model)."""
INNER = (slice(40, 104), slice(26, 86))
"""Rows and columns of the 112 px crop from the brows to the chin: skin and features, no hair, no backdrop."""
SMALL_EYES, TINY_EYES = 40.0, 20.0
"""Eye distances in pixels below which a face is small, or too small: crops of 150 px hold about 53."""
SOFT, BLURRED = 0.070, 0.045
"""Sharpness below which a face is soft, or blurred: about the 10th and the 1st percentile of 100 photos of LFW."""
TURNED, PROFILE = 20.0, 35.0
"""Absolute yaw in degrees above which a face is turned, or strongly turned."""


@dataclass(frozen=True)
class Quality:
    """What was measured on one face.

    Attributes:
        size_px: (width, height) of the detected box, pixels of the photo.
        eye_distance_px: distance of the two eye keypoints, pixels of the photo.
        sharpness: variance of the Laplacian over the variance of the luma, on the face at 112 px; without unit.
        yaw_deg: turn of the head in degrees, positive when the nose points to the right of the image; an estimate.
    """

    size_px: tuple[int, int]
    eye_distance_px: float
    sharpness: float
    yaw_deg: float

    @property
    def warnings(self) -> list[str]:
        """What may spoil a comparison, in words; empty when nothing stands out."""
        found = (
            _grade(-self.eye_distance_px, -SMALL_EYES, -TINY_EYES, "small face: fine detail is missing", "tiny face"),
            _grade(-self.sharpness, -SOFT, -BLURRED, "slightly soft", "blurred"),
            _grade(abs(self.yaw_deg), TURNED, PROFILE, "head turned", "head strongly turned: half the face is hidden"),
        )
        return [words for words in found if words]

    @property
    def words(self) -> str:
        """One line for people: the three findings with their numbers."""
        width, height = self.size_px
        sharp = _grade(-self.sharpness, -SOFT, -BLURRED, "slightly soft", "blurred") or "sharp"
        turn = _grade(abs(self.yaw_deg), TURNED, PROFILE, "turned", "strongly turned") or "facing the camera"
        return f"{width} × {height} px, {sharp}, {turn} (yaw about {round(self.yaw_deg):+d}°)"


def _grade(value: float, mild: float, strong: float, mild_words: str, strong_words: str) -> str:
    """'' up to `mild`, then the mild words, above `strong` the strong ones."""
    if value <= mild:
        return ""
    return mild_words if value <= strong else strong_words


def assess(face: Face) -> Quality:
    """Measure one face.

    Raises:
        ValueError: when its keypoints coincide.
    """
    box = face.box.astype(np.float64)
    left, right = face.keypoints[:2].astype(np.float64)
    size = (max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1])))
    return Quality(size, float(np.linalg.norm(right - left)), sharpness(face), yaw(face.keypoints))


def sharpness(face: Face) -> float:
    """Variance of the Laplacian / variance of the luma, brows to chin of the face aligned to ArcFace's template.

    The variance of the Laplacian is the focus measure of Pech-Pacheco et al., "Diatom autofocusing in brightfield
    microscopy", ICPR 2000; dividing by the luma's variance takes the contrast out, the fixed crop of 112 px takes the
    photo's resolution out: a small face that had to be enlarged counts as blurred, which is what a model sees.

    Returns:
        A value >= 0 without unit; 0 for a flat crop.
    """
    crop = face.aligned(ARCFACE_112).pixels()[0][INNER].astype(np.float64)
    luma = crop @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    centre = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * centre
    return float(laplacian.var() / luma.var()) if luma.var() > 1e-9 else 0.0


def yaw(keypoints: np.ndarray) -> float:
    """Turn of the head from the five keypoints, degrees.

    Eyes and mouth span a plane, the nose tip stands NOSE_DEPTH eye distances before it. Turned by t, under weak
    perspective, eye distances shrink by cos t and the nose moves sideways by NOSE_DEPTH * sin t, so that
    tan t = (sideways offset of the nose / eye distance) / NOSE_DEPTH. Roll is taken out by measuring along the eyes.

    Args:
        keypoints: (5, 2) in any frame with square pixels, in the order of KEYPOINT_NAMES.

    Raises:
        ValueError: when the eyes coincide.
    """
    points = np.asarray(keypoints, np.float64)
    across = points[1] - points[0]
    distance = float(np.linalg.norm(across))
    if distance < 1e-9:
        raise ValueError("the eyes coincide: no yaw can be computed")
    middle = (points[:2].mean(0) + points[3:].mean(0)) / 2
    offset = float((points[2] - middle) @ across) / distance**2
    return float(np.degrees(np.arctan(offset / NOSE_DEPTH)))
