"""Faces -> aligned crops, and maps over a crop back onto the photo."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.Image import Resampling, Transform

from models.faces.face import Face, InputSpec
from models.faces.geometry import apply_affine, invert_affine, pil_coefficients

ARCFACE_112 = InputSpec(
    112, ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
)
"""The five-point template of ArcFace (112 px)."""
DLIB_150 = InputSpec(150, ((47.7, 47.1), (100.3, 47.1), (74.0, 80.0), (50.4, 103.0), (97.6, 103.0)))
"""The five points in dlib's 150 px face chip: its eyes, and nose and mouth where detections on CelebA fall once the
eyes are there (rounded: a guide to the framing, not dlib's own landmarks)."""
PARTIAL_160 = InputSpec(160, ((51.94, 63.71), (107.47, 63.71), (79.71, 98.37), (57.0, 121.33), (102.4, 121.33)))
"""Template of the partial-face protocol (160 px); mouth corners placed either side of its stated mouth centre."""
FER_48 = InputSpec(48, ((14.51, 18.25), (32.49, 18.25), (23.5, 28.36), (16.17, 37.04), (30.83, 37.04)))
"""How FER2013 frames faces (48 px): the median place of each keypoint over 277 training faces in which our detector
found a face (of 300 drawn, enlarged four times), made symmetric."""


def warp_back(values: np.ndarray, face: Face, spec: InputSpec) -> np.ndarray:
    """A map over the aligned crop -> the same map over the photo.

    Args:
        values: (h, w) float32 at any resolution; it is stretched over the crop first.

    Returns:
        (H, W) float32 in the frame of face.photo, NaN where the crop does not reach.
    """
    height, width = face.photo.shape[:2]
    crop = Image.fromarray(values.astype(np.float32)).resize((spec.size, spec.size), Resampling.BILINEAR)
    inside = Image.new("F", crop.size, 1.0)
    to_photo = invert_affine(face.alignment(spec))
    left, top, right, bottom = _reach(to_photo, spec.size, width, height)
    to_photo[:, 2] -= left, top  # of a large photo only the part under the crop is computed
    whole = np.full((height, width), np.nan, np.float32)
    if left >= right or top >= bottom:
        return whole
    size, coefficients = (right - left, bottom - top), pil_coefficients(to_photo)
    moved, covers = (
        np.asarray(layer.transform(size, Transform.AFFINE, coefficients, Resampling.BILINEAR))
        for layer in (crop, inside)
    )
    whole[top:bottom, left:right] = np.where(covers > 0.5, moved, np.nan)
    return whole


def _reach(to_photo: np.ndarray, size: int, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of a photo that a crop covers: left, top, right, bottom in pixels, the last two not included."""
    edge = np.array([-1.0, size])
    corners = apply_affine(to_photo, np.array([(x, y) for x in edge for y in edge]))
    low, high = np.floor(corners.min(0)).clip(0), np.ceil(corners.max(0)) + 1
    return int(low[0]), int(low[1]), int(min(high[0], width)), int(min(high[1], height))
