"""Photo -> faces -> aligned crops, and back: detection (facenet-pytorch's MTCNN) and similarity alignment.

All coordinates are pixels with (0, 0) at the centre of the top-left pixel, x to the right, y down.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.Image import Resampling, Transform

from models.outputs import Face, FaceBatch, InputSpec

ARCFACE_112 = InputSpec(
    112, ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
)
"""The five-point template of ArcFace (112 px)."""
DLIB_150 = InputSpec(150, ((47.7, 47.1), (100.3, 47.1), (74.0, 80.0), (50.4, 103.0), (97.6, 103.0)))
"""The five points in dlib's 150 px face chip: its eyes, and nose and mouth where detections on CelebA fall once the
eyes are there (rounded: a guide to the framing, not dlib's own landmarks)."""
PARTIAL_160 = InputSpec(160, ((51.94, 63.71), (107.47, 63.71), (79.71, 98.37), (57.0, 121.33), (102.4, 121.33)))
"""Template of the partial-face protocol (160 px); mouth corners placed either side of its stated mouth centre."""

DETECT_SIDE = 640
"""Longest side in pixels that detection looks at first; a photo without a face is tried again larger."""
RETRY_SIDE = 1600
SECOND_FACE = 0.95
"""A face less certain than this counts only when the photo has no surer one: lapel pins look like faces."""
SMALL_SIDE = 200
"""Photos whose longest side is below this are enlarged to it, and get the margin at once."""
MARGIN = 0.4
"""Border of repeated edge pixels around a tight crop, as a fraction of its longest side. The detector cuts its
window at the photo's edge, which would shift the keypoints of a face that reaches it."""
TIGHT = 0.5
"""A face whose box spans more of the photo's longest side than this is looked at again with the margin..."""
TIGHT_SIDE = 320
"""...at this longest side: the detector's last stage sees 48 pixels of it anyhow."""
MIN_VIEW = 32
"""Sides in pixels that the detector needs: a strip is padded to them."""


@lru_cache(maxsize=1)
def _mtcnn() -> Any:
    from facenet_pytorch import MTCNN  # its import takes a second; only detection pays

    return MTCNN(keep_all=True, device="cpu", min_face_size=20, thresholds=[0.6, 0.7, 0.7])


def detect_faces(photo: np.ndarray) -> list[Face]:
    """Find the faces in a photo, largest first.

    Args:
        photo: (H, W, 3) uint8 RGB, upright (see open_photo).

    Returns:
        Faces in the frame of `photo`; an empty list when none is found.
    """
    for side, pad in _attempts(photo):
        faces = _detect_at(photo, side, pad)
        if faces and not pad and any(_span(f) > TIGHT * max(photo.shape[:2]) for f in faces):
            faces = _detect_at(photo, min(side, TIGHT_SIDE), MARGIN) or faces
        if faces:
            return sorted(faces, key=lambda f: -float((f.box[2] - f.box[0]) * (f.box[3] - f.box[1])))
    return []


def _span(face: Face) -> float:
    """Longer side of the box, pixels."""
    return float(max(face.box[2] - face.box[0], face.box[3] - face.box[1]))


def _attempts(photo: np.ndarray) -> list[tuple[int, float]]:
    """(longest side looked at, margin added as a fraction of the longest side), in order."""
    longest = max(photo.shape[:2])
    if longest < SMALL_SIDE:
        return [(SMALL_SIDE, MARGIN), (2 * SMALL_SIDE, MARGIN)]
    attempts = [(min(longest, DETECT_SIDE), 0.0)]
    if longest > DETECT_SIDE:
        attempts.append((min(longest, RETRY_SIDE), 0.0))
    return [*attempts, (DETECT_SIDE, MARGIN)]


def _detect_at(photo: np.ndarray, side: int, pad: float) -> list[Face]:
    """Detect on a copy whose longest side is `side` pixels, with a margin; map back to the photo."""
    height, width = photo.shape[:2]
    scale = side / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(photo).resize(shape, Resampling.BILINEAR)
    margin = max(round(pad * side), MIN_VIEW - min(shape))
    view = np.pad(np.asarray(small), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    with torch.inference_mode():
        boxes, confidence, points = _mtcnn().detect(Image.fromarray(view), landmarks=True)
    if boxes is None:
        return []
    to_photo = np.array([width / small.width, height / small.height])
    faces = [
        Face(
            photo,
            ((p - margin) * to_photo).astype(np.float32),
            ((b.reshape(2, 2) - margin) * to_photo).reshape(4).astype(np.float32),
            float(c),
        )
        for b, c, p in zip(boxes, confidence, points, strict=True)
        if c is not None
    ]
    floor = min(SECOND_FACE, max(f.confidence for f in faces))
    return [f for f in faces if f.confidence >= floor]


def default_face(photo: np.ndarray) -> Face:
    """The stated fall-back when no face is detected: the photo is taken for a centred, ArcFace-framed crop.

    The largest central square is given the ArcFace template's keypoints; confidence 0.
    """
    height, width = photo.shape[:2]
    side = min(height, width)
    corner = np.array([(width - side) / 2, (height - side) / 2])
    keypoints = ARCFACE_112.resized(side).points() + corner
    box = np.concatenate([corner, corner + side - 1])
    return Face(photo, keypoints.astype(np.float32), box.astype(np.float32), 0.0)


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


def alignment(face: Face, spec: InputSpec) -> np.ndarray:
    """(2, 3) similarity from pixels of the photo to pixels of the aligned crop."""
    return similarity_transform(face.keypoints, spec.points())


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
    return np.asarray(source.transform(size, Transform.AFFINE, _pil_coefficients(matrix), Resampling.BILINEAR))


def _pil_coefficients(matrix: np.ndarray) -> tuple[float, ...]:
    """PIL wants target -> source, in a frame whose pixel centres lie at half-integers."""
    inverse = invert_affine(matrix)
    shift = inverse[:, 2] - 0.5 * inverse[:, :2].sum(1) + 0.5
    return (*inverse[0, :2], shift[0], *inverse[1, :2], shift[1])


def align(face: Face, spec: InputSpec) -> FaceBatch:
    """Warp a face to a model's template: a FaceBatch of one, keypoints carried along.

    Raises:
        ValueError: when the five keypoints coincide.
    """
    matrix = alignment(face, spec)
    crop = warp(face.photo, matrix, (spec.size, spec.size))
    keypoints = (apply_affine(matrix, face.keypoints) + 0.5) / spec.size
    image = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float() / 255  # (1, 3, H, W)
    return FaceBatch(image, torch.from_numpy(keypoints.astype(np.float32))[None])


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
    coefficients = _pil_coefficients(invert_affine(alignment(face, spec)))
    moved = [
        np.asarray(layer.transform((width, height), Transform.AFFINE, coefficients, Resampling.BILINEAR))
        for layer in (crop, inside)
    ]
    return np.where(moved[1] > 0.5, moved[0], np.nan).astype(np.float32)
