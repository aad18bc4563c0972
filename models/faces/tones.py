"""Pictures of any mode and depth -> 8-bit RGB.

Grey of more than 8 bits is scaled by fixed rules, so that two photos of one camera come out alike: integers by the bits
that they use (8, 10, 12, 14 or 16), floats in [0, 255] as they are, other floats from their own range.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras and scanners use of a 16-bit value."""
NO_DATA_GAP = 2.0
"""A lowest or highest value further from all others than this many times their range is a mark, such as -9999 for "no
data" or 3.4e38, and not a brightness."""


def to_rgb(image: Image.Image) -> Image.Image:
    """A decoded picture as RGB; transparency is laid over white.

    Raises:
        ValueError: a mode that has no RGB (LAB).
    """
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(grey_to_8bit(np.asarray(image), image.mode != "F")).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")  # convert would copy


def grey_to_8bit(grey: np.ndarray, integer: bool) -> np.ndarray:
    """(H, W) of more than 8 bits -> (H, W) uint8; see the module. Values that are no brightness become 0 or 255.

    Args:
        integer: scale by the bits in use when the values are those of a 16-bit picture.
    """
    values = grey.astype(np.float64)
    low, high = _range(values)
    if integer and low >= 0 and high <= 65535:
        low, high = 0.0, 2.0 ** next(d for d in DEPTHS if high < 2**d) - 1
    elif low >= 0 and high <= 255 and high > 1:
        low, high = 0.0, 255.0
    values = np.nan_to_num(np.clip(values, low, high), nan=low)
    return ((values - low) * (255 / max(high - low, 1e-12))).round().astype(np.uint8)


def _range(values: np.ndarray) -> tuple[float, float]:
    """(lowest, highest) brightness: finite, without marks for "no data"; (0, 0) when there is none."""
    finite = values[np.isfinite(values)]
    for end in (np.min, np.max):
        if finite.size:
            mark = end(finite)
            rest = finite[finite != mark]
            if rest.size and np.abs(rest - mark).min() > NO_DATA_GAP * np.ptp(rest) > 0:
                finite = rest
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
