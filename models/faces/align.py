"""Faces -> aligned crops, and maps over a crop back onto the photo."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.Image import Resampling, Transform

from models.faces.face import Face, InputSpec
from models.faces.geometry import invert_affine, pil_coefficients

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
    coefficients = pil_coefficients(invert_affine(face.alignment(spec)))
    moved = [
        np.asarray(layer.transform((width, height), Transform.AFFINE, coefficients, Resampling.BILINEAR))
        for layer in (crop, inside)
    ]
    return np.where(moved[1] > 0.5, moved[0], np.nan).astype(np.float32)
