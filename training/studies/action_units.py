"""Where the facial action units of an emotion lie: masks from 68 landmarks.

An action unit is what one muscle, or a few, can do. P. Ekman and W. Friesen, "Facial Action Coding System" (1978), say
where each shows; EMFACS, which units belong to which emotion. A unit's region here is one ellipse, or two that mirror
each other, placed by landmarks and as large as is said in eye distances (between the middles of the eyes): our reading
of the manual's "appearance changes", drawn before any map was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EMOTIONS: dict[str, tuple[int, ...]] = {
    "happiness": (6, 12),
    "sadness": (1, 4, 15),
    "surprise": (1, 2, 5, 26),
    "fear": (1, 2, 4, 5, 20, 26),
    "anger": (4, 5, 7, 23),
    "disgust": (9, 15),
}
"""Emotion -> its action units, as in arXiv 2401.11835."""


@dataclass(frozen=True)
class Region:
    """An ellipse on the left of the image, or in the middle.

    Attributes:
        name: of the unit, and its muscle.
        points: landmarks whose mean is its middle.
        shift: of the middle, (to the left, down), in eye distances.
        radii: (across, down) in eye distances.
        mirrored: there is another one on the right.
    """

    name: str
    points: tuple[int, ...]
    shift: tuple[float, float]
    radii: tuple[float, float]
    mirrored: bool = True


UNITS: dict[int, Region] = {
    1: Region("inner brow raiser, medial frontalis: inner brow and forehead above", (20, 21), (0, -0.12), (0.24, 0.22)),
    2: Region("outer brow raiser, lateral frontalis: outer brow and above", (17, 18, 19), (0, -0.12), (0.26, 0.22)),
    4: Region(
        "brow lowerer, corrugator: between the brows and their inner halves", (21, 22), (0, 0), (0.5, 0.2), False
    ),
    5: Region("upper lid raiser, levator palpebrae: eye opening and lid", (37, 38), (0, -0.04), (0.28, 0.13)),
    6: Region("cheek raiser, orbital orbicularis oculi: below and beside the eye", (40, 41), (0.1, 0.2), (0.34, 0.2)),
    7: Region("lid tightener, palpebral orbicularis oculi: both lids", (36, 37, 38, 39, 40, 41), (0, 0), (0.28, 0.15)),
    9: Region(
        "nose wrinkler, levator labii alaeque nasi: root and sides of the nose", (28, 29), (0, 0), (0.3, 0.32), False
    ),
    12: Region(
        "lip corner puller, zygomaticus major: corner of the mouth and above", (48,), (0.08, -0.1), (0.22, 0.24)
    ),
    15: Region("lip corner depressor, depressor anguli oris: corner and below", (48,), (0.02, 0.14), (0.2, 0.24)),
    20: Region("lip stretcher, risorius: beside the corner of the mouth", (48,), (0.1, 0.02), (0.24, 0.16)),
    23: Region("lip tightener, orbicularis oris: the lips", (51, 57), (0, 0), (0.45, 0.2), False),
    26: Region("jaw drop, masseter relaxed: opening of the mouth to the chin", (57, 8), (0, -0.08), (0.4, 0.36), False),
}
RIGHT = {
    **dict(zip(range(17), reversed(range(17)), strict=True)),
    **dict(zip(range(17, 27), reversed(range(17, 27)), strict=True)),
    27: 27,
    28: 28,
    29: 29,
    30: 30,
    31: 35,
    32: 34,
    33: 33,
    34: 32,
    35: 31,
    36: 45,
    37: 44,
    38: 43,
    39: 42,
    40: 47,
    41: 46,
    42: 39,
    43: 38,
    44: 37,
    45: 36,
    46: 41,
    47: 40,
    48: 54,
    49: 53,
    50: 52,
    51: 51,
    52: 50,
    53: 49,
    54: 48,
    55: 59,
    56: 58,
    57: 57,
    58: 56,
    59: 55,
    60: 64,
    61: 63,
    62: 62,
    63: 61,
    64: 60,
    65: 67,
    66: 66,
    67: 65,
}
"""Landmark -> the one that mirrors it."""


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """(..., 68, 2) -> (..., 5, 2): eyes, nose, mouth corners, in the order of KEYPOINT_NAMES."""
    eyes = [landmarks[..., a:b, :].mean(-2) for a, b in ((36, 42), (42, 48))]
    return np.stack([*eyes, landmarks[..., 30, :], landmarks[..., 48, :], landmarks[..., 54, :]], -2)


def unit_mask(unit: int, landmarks: np.ndarray, size: int) -> np.ndarray:
    """(size, size) bool: the region of one unit.

    Args:
        landmarks: (68, 2), (x, y) in [0, 1] of the crop.

    Raises:
        KeyError: a unit of no emotion here.
    """
    region, centres = UNITS[unit], (np.arange(size) + 0.5) / size
    eyes = five_points(landmarks)[:2]
    across = eyes[1] - eyes[0]
    distance = float(np.hypot(*across))
    right = across / distance
    down = np.array([-right[1], right[0]])
    pixels = np.stack(np.meshgrid(centres, centres), -1)  # (size, size, 2)
    mask = np.zeros((size, size), bool)
    for side in (1, -1) if region.mirrored else (1,):
        points = region.points if side == 1 else [RIGHT[p] for p in region.points]
        middle = landmarks[list(points)].mean(0)
        middle = middle + distance * (-side * region.shift[0] * right + region.shift[1] * down)
        x, y = (pixels - middle) @ right / distance, (pixels - middle) @ down / distance
        mask |= (x / region.radii[0]) ** 2 + (y / region.radii[1]) ** 2 <= 1
    return mask


def emotion_mask(emotion: str, landmarks: np.ndarray, size: int) -> np.ndarray:
    """(size, size) bool: the regions of all units of an emotion, see unit_mask."""
    return union([unit_mask(unit, landmarks, size) for unit in EMOTIONS[emotion]])


def union(masks: Sequence[np.ndarray]) -> np.ndarray:
    found: np.ndarray = np.logical_or.reduce(masks)
    return found
