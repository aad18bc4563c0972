"""How good a photographed face is for a comparison: size, sharpness, turn and what is cut off, in plain words.

A few numbers from one face, by formulas short enough to check by hand; a guide for people, never an input of a model.
"""

from __future__ import annotations

from collections.abc import Sequence
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
CUT = 0.15
"""Fraction of the detected box beyond the photo's border above which the face is cut: tight crops lose a few hundredths
at the hair or the chin."""
CUT_AWAY = 0.35
"""The same fraction above which eyes or mouth may be missing."""
LYING = 60.0
"""Absolute roll in degrees above which not the head but the photo is turned."""
UNSURE = 0.985
"""Confidence below which a detection may be no face, or one that lies the other way: 99 of 100 upright faces have
more."""


@dataclass(frozen=True)
class Quality:
    """What was measured on one face.

    Attributes:
        size_px: (width, height) of the detected box, pixels of the photo.
        eye_distance_px: distance of the two eye keypoints, pixels of the photo.
        sharpness: variance of the Laplacian over the variance of the luma, on the face at 112 px; without unit.
        yaw_deg: turn of the head in degrees, positive when the nose points to the right of the image; an estimate.
        roll_deg: turn in the plane of the photo in degrees, (-180, 180], clockwise as seen; 0 is upright.
        cut: fraction of the detected box that lies beyond the photo's border, in [0, 1].
        confidence: of the detector, in [0, 1]; 0 for a face that was placed and not detected.
    """

    size_px: tuple[int, int]
    eye_distance_px: float
    sharpness: float
    yaw_deg: float
    roll_deg: float = 0.0
    cut: float = 0.0
    confidence: float = 1.0

    @property
    def warnings(self) -> list[str]:
        """What may spoil a comparison, in words; empty when nothing stands out."""
        found = (
            "face cut by the photo's border" if self.cut > CUT else "",
            f"photo turned by about {_quarter(self.roll_deg)}°" if abs(self.roll_deg) > LYING else "",
            "uncertain: the photo may be turned, or this is no face" if 0 < self.confidence < UNSURE else "",
            _grade(-self.eye_distance_px, -SMALL_EYES, -TINY_EYES, "small face: fine detail is missing", "tiny face"),
            _grade(-self.sharpness, -SOFT, -BLURRED, "slightly soft", "blurred"),
            _grade(abs(self.yaw_deg), TURNED, PROFILE, "head turned", "head strongly turned: half the face is hidden"),
        )
        return [words for words in found if words]

    @property
    def spoilt(self) -> list[str]:
        """Why nobody should decide by an answer about this face, in words: each measure beyond its second limit."""
        found = (
            ("tiny face", self.eye_distance_px < TINY_EYES),
            ("blurred face", self.sharpness < BLURRED),
            ("face strongly turned", abs(self.yaw_deg) > PROFILE),
            ("face cut by the border", self.cut > CUT_AWAY),
        )
        return [words for words, so in found if so]

    @property
    def words(self) -> str:
        """One line for people: the findings with their numbers."""
        width, height = self.size_px
        sharp = _grade(-self.sharpness, -SOFT, -BLURRED, "slightly soft", "blurred") or "sharp"
        turn = _grade(abs(self.yaw_deg), TURNED, PROFILE, "turned", "strongly turned") or "facing the camera"
        turn += f" (yaw about {round(self.yaw_deg):+d}°)"
        cut = ", cut by the border" if self.cut > CUT else ""
        lying = f", turned by about {_quarter(self.roll_deg)}°" if abs(self.roll_deg) > LYING else ""
        return f"{width} × {height} px, {sharp}, {turn}{lying}{cut}"


LIMITS = (
    f"eyes less than {TINY_EYES:g} px apart, sharpness below {BLURRED:g}, a yaw beyond {PROFILE:g}°, or more than "
    f"{100 * CUT_AWAY:g} % of the face outside the photo"
)
"""When a face is spoilt, in words."""


def undecided(*faces: tuple[str, Quality]) -> tuple[str, ...]:
    """Why nothing is decided by these faces: "blurred face in photo A"; empty where something is.

    Args:
        faces: what each is called, and what was measured on it.
    """
    return tuple(f"{', '.join(quality.spoilt)} in {name}" for name, quality in faces if quality.spoilt)


def or_withheld(decision: str, reasons: Sequence[str]) -> str:
    """A decision in words, or why it is withheld."""
    return f"withheld: {', '.join(reasons)}" if reasons else decision


def _quarter(roll: float) -> int:
    """The nearest multiple of 90 degrees, 90..270 clockwise."""
    return round(roll / 90) * 90 % 360


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
    eyes = float(np.linalg.norm(right - left))
    turn, lying, beyond = yaw(face.keypoints), roll(face.keypoints), cut_off(face)
    return Quality(size, eyes, sharpness(face), turn, lying, beyond, face.confidence)


def cut_off(face: Face) -> float:
    """Fraction of the detected box beyond the border of the photo, in [0, 1]."""
    height, width = face.photo.shape[:2]
    low, high = face.box[:2].astype(np.float64), face.box[2:].astype(np.float64)
    last = np.array([width - 1, height - 1])
    inside = np.clip(np.minimum(high, last) - np.maximum(low, 0), 0, None)
    return float(1 - inside.prod() / max(float((high - low).prod()), 1e-9))


def roll(keypoints: np.ndarray) -> float:
    """Turn of the face in the plane of the photo: of the line from the eyes to the mouth against straight down.

    Args:
        keypoints: (5, 2) pixels, y down, in the order of KEYPOINT_NAMES.

    Returns:
        Degrees in (-180, 180], clockwise as seen.
    """
    down = keypoints[3:].mean(0, dtype=np.float64) - keypoints[:2].mean(0, dtype=np.float64)
    return float(np.degrees(np.arctan2(-down[0], down[1])))


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
