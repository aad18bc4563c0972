"""What somebody drew in the image editor, as a mask over the aligned face.

The editor hands back pictures: the background, smaller than before once it was cropped, and layers of strokes in the
background's frame. Where a crop was taken is not told; it is where the cropped picture fits the one the editor was
given. Only the mask is used: the pixels that networks see never pass through the editor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.faces.partial_crops import SIDE

OPAQUE = 128
"""A stroke hides where its alpha (0..255) is at least this."""


def erased_mask(value: dict[str, Any] | None, backdrop: np.ndarray) -> np.ndarray | None:
    """Value of a gr.ImageEditor (numpy, RGBA) -> what is hidden by hand.

    Args:
        value: background and layers, (h, w, 4) uint8; None, or without a background, for an editor that was cleared.
        backdrop: (Z * 160, Z * 160, 3) uint8, what the editor was given.

    Returns:
        (160, 160) bool, or None when nothing is hidden.
    """
    background = value.get("background") if value else None
    if value is None or background is None:
        return None
    side = backdrop.shape[0]
    height, width = (min(n, side) for n in background.shape[:2])
    left, top = (0, 0) if (height, width) == (side, side) else locate(background[:height, :width, :3], backdrop)
    hidden = np.ones((side, side), bool)
    window = hidden[top : top + height, left : left + width]
    window[:] = background[:height, :width, 3] < OPAQUE if background.shape[2] == 4 else False
    for layer in value.get("layers") or ():
        stroke = layer[:height, :width, 3] >= OPAQUE
        window[: stroke.shape[0], : stroke.shape[1]] |= stroke
    zoom = side // SIDE
    share = hidden.reshape(SIDE, zoom, SIDE, zoom).mean((1, 3))  # of each pixel of the face
    mask = share >= 0.5
    return mask if mask.any() else None


def locate(crop: np.ndarray, whole: np.ndarray) -> tuple[int, int]:
    """Where a crop was taken: the shift with the smallest sum of squared differences in luma.

    Args:
        crop: (h, w, 3) uint8, cut from `whole` at one scale; resampling by a fraction of a pixel does no harm.
        whole: (H, W, 3) uint8, at least as large.

    Returns:
        (left, top) in pixels of `whole`; the first of equally good places.
    """
    small, large = (p.astype(np.float64).mean(2) - 128 for p in (crop, whole))
    shape = large.shape
    height, width = shape[0] - small.shape[0] + 1, shape[1] - small.shape[1] + 1

    def windows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Sum of a * b for b laid over a at every shift, through the correlation theorem."""
        product = np.fft.irfft2(np.fft.rfft2(a) * np.conj(np.fft.rfft2(b, shape)), shape)
        return product[:height, :width]

    error = windows(large**2, np.ones_like(small)) - 2 * windows(large, small)
    top, left = np.unravel_index(int(error.argmin()), error.shape)
    return int(left), int(top)
