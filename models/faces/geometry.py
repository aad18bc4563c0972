"""Similarity transforms between point sets, and pictures moved by them.

All coordinates are pixels with (0, 0) at the centre of the top-left pixel, x to the right, y down.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.Image import Resampling, Transform


def similarity_transform(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares similarity (rotation, one scale, shift; no mirror) that takes source to target.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.

    Args:
        source, target: (N, 2) points, N >= 2.

    Returns:
        (2, 3) matrix M with target ~ source @ M[:, :2].T + M[:, 2].

    Raises:
        ValueError: when the source points coincide.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    ms, mt = source.mean(0), target.mean(0)
    s, t = source - ms, target - mt
    variance = (s**2).sum()
    if variance < 1e-12:
        raise ValueError("the keypoints coincide: no alignment can be computed")
    u, d, vt = np.linalg.svd(t.T @ s)
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = (d * sign).sum() / variance
    return np.hstack([scale * rotation, (mt - scale * rotation @ ms)[:, None]])


def invert_affine(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a (2, 3) affine matrix."""
    inverse = np.linalg.inv(matrix[:, :2])
    return np.hstack([inverse, -inverse @ matrix[:, 2:]])


def apply_affine(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(2, 3) matrix, (N, 2) points -> (N, 2) points."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def warp(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Warp an (H, W, 3) uint8 image by a (2, 3) matrix source -> target; black outside.

    Shrinking is anti-aliased: the source is first reduced to about the target's scale.

    Args:
        size: (width, height) of the target in pixels.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    source = Image.fromarray(image)
    reduce = max(1, int(1 / max(scale, 1e-6)))
    if reduce > 1:
        source = source.reduce(reduce)
        # pixel centres: x_small = (x + .5) / reduce - .5
        grow = np.array([[reduce, 0, (reduce - 1) / 2], [0, reduce, (reduce - 1) / 2]])
        matrix = np.hstack([matrix[:, :2] @ grow[:, :2], matrix[:, :2] @ grow[:, 2:] + matrix[:, 2:]])
    return np.asarray(source.transform(size, Transform.AFFINE, pil_coefficients(matrix), Resampling.BILINEAR))


def pil_coefficients(matrix: np.ndarray) -> tuple[float, ...]:
    """PIL wants target -> source, in a frame whose pixel centres lie at half-integers."""
    inverse = invert_affine(matrix)
    shift = inverse[:, 2] - 0.5 * inverse[:, :2].sum(1) + 0.5
    return (*inverse[0, :2], shift[0], *inverse[1, :2], shift[1])
