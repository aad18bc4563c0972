"""Photo -> faces: detection (facenet-pytorch's MTCNN).

All coordinates are pixels with (0, 0) at the centre of the top-left pixel, x to the right, y down.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.Image import Resampling

from models.faces.align import ARCFACE_112
from models.faces.face import Face

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
