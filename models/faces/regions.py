"""Face regions from the five keypoints: eyes, nose, mouth, forehead, jaw. Our reading; stated in fractions
of the eye distance d, so that they follow the face and not the crop."""

from __future__ import annotations

import numpy as np

REGIONS = ("eyes", "nose", "mouth", "forehead", "jaw")

MASS_REGIONS = ("eyes", "nose", "mouth", "mask area", "forehead", "background")
"""Where the mass of a map is counted, see mass_regions."""

PARTS = ("left eye", "right eye", "nose", "mouth", "jaw", "cheeks", "forehead", "outside")
"""What the crop is cut into without a gap, see face_parts. Left and right are as seen in the image."""

_BOXES = {  # (left, top, right, bottom) in a face frame: origin at the eyes' middle, x along the eyes, unit d
    "forehead": (-1.0, -1.15, 1.0, -0.35),
    "eyes": (-0.95, -0.35, 0.95, 0.30),
}


def region_masks(keypoints: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Boolean masks of the named regions over a square crop.

    The regions do not overlap. Nose, mouth and jaw are placed by the detected nose and mouth, so a long or a
    turned face keeps them.

    Args:
        keypoints: (5, 2) in [0, 1] of the crop, in the order of KEYPOINT_NAMES.
        size: side of the masks in pixels.

    Returns:
        region -> (size, size) bool, in the order of REGIONS.
    """
    x, y = _face_frame(np.asarray(keypoints, np.float64), size)
    nose, mouth = _in_frame(keypoints, 2), (_in_frame(keypoints, 3) + _in_frame(keypoints, 4)) / 2
    nose_end = (nose[1] + mouth[1]) / 2
    boxes = {
        **_BOXES,
        "nose": (nose[0] - 0.42, 0.30, nose[0] + 0.42, nose_end),
        "mouth": (mouth[0] - 0.60, nose_end, mouth[0] + 0.60, mouth[1] + 0.32),
        "jaw": (mouth[0] - 0.95, mouth[1] + 0.32, mouth[0] + 0.95, mouth[1] + 0.85),
    }
    return {r: (x >= boxes[r][0]) & (x < boxes[r][2]) & (y >= boxes[r][1]) & (y < boxes[r][3]) for r in REGIONS}


def mass_regions(keypoints: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Boolean masks for counting where a map's mass lies.

    "mask area" is the lower face that a face mask covers: from below the eyes to the chin, nose and mouth included.
    Eyes, mask area, forehead and background do not overlap and fill the crop; nose and mouth lie in the mask area.

    Args, frame and units as region_masks.

    Returns:
        region -> (size, size) bool, in the order of MASS_REGIONS.
    """
    parts = region_masks(keypoints, size)
    x, y = _face_frame(np.asarray(keypoints, np.float64), size)
    chin = (_in_frame(keypoints, 3)[1] + _in_frame(keypoints, 4)[1]) / 2 + 0.85
    cheeks = (x >= -0.95) & (x < 0.95) & (y >= 0.30) & (y < chin)
    upper = parts["eyes"] | parts["forehead"]
    parts["mask area"] = (cheeks | parts["nose"] | parts["mouth"] | parts["jaw"]) & ~upper
    parts["background"] = ~(upper | parts["mask area"])
    return {r: parts[r] for r in MASS_REGIONS}


def face_parts(keypoints: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Boolean masks that cut the crop into eight parts: every pixel lies in exactly one.

    The regions of region_masks, with the eyes cut in two between them; "cheeks" is what is left of the face between
    eyes and jaw, "outside" everything else. Brows belong to the eyes, the chin to the jaw. A part can be empty where
    the crop shows little of a face; where keypoints are so odd that parts meet, the one named first has the pixel.

    Args, frame and units as region_masks.

    Returns:
        part -> (size, size) bool, in the order of PARTS.
    """
    regions = region_masks(keypoints, size)
    x, y = _face_frame(np.asarray(keypoints, np.float64), size)
    jaw = (_in_frame(keypoints, 3)[1] + _in_frame(keypoints, 4)[1]) / 2 + 0.32
    cheeks = (x >= -0.95) & (x < 0.95) & (y >= 0.30) & (y < jaw)
    found = {**regions, "left eye": regions["eyes"] & (x < 0), "right eye": regions["eyes"] & (x >= 0)}
    found |= {"cheeks": cheeks, "outside": np.ones_like(cheeks)}
    free, parts = np.ones_like(cheeks), {}
    for part in PARTS:
        parts[part] = found[part] & free
        free = free & ~found[part]
    return parts


def _basis(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the eyes and the vector from left to right eye."""
    left, right = np.asarray(keypoints, np.float64)[:2]
    return (left + right) / 2, right - left


def _in_frame(keypoints: np.ndarray, index: int) -> np.ndarray:
    middle, across = _basis(keypoints)
    d2 = max(float(across @ across), 1e-9)
    v = np.asarray(keypoints, np.float64)[index] - middle
    return np.array([v @ across, v @ np.array([-across[1], across[0]])]) / d2


def _face_frame(keypoints: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Face-frame coordinates of every pixel centre: two (size, size) arrays in eye distances."""
    middle, across = _basis(keypoints)
    d2 = max(float(across @ across), 1e-9)
    centres = (np.arange(size) + 0.5) / size
    px, py = np.meshgrid(centres - middle[0], centres - middle[1])
    return (px * across[0] + py * across[1]) / d2, (-px * across[1] + py * across[0]) / d2
