"""Photos turned by 90, 180 or 270 degrees: the detector finds many of their faces, with keypoints that are wrong.

It is less sure of them than of upright ones. A face that it is not sure of is looked at in four views, each turned by a
quarter; a view that it is surer of tells how the photo lies.

Chosen on CelebA faces, as they are and turned by each quarter. On another draw (training/studies/turned_photos.py,
benchmarks/results/turned_photos.json) no upright photo was turned. Of 360 turned photos of CelebA 357 (95 % interval
97.8 to 100.0 %) and of 357 of FIW's training part 348 (95.2 to 99.2 %) gave the keypoints of the upright one within 5 %
of the eye distance; the others gave no face or a warning, none was wrong in silence (at most 3.1 % of the photos, 95 %
interval). A warning below .995 in place of quality.UNSURE would have caught none more, and called 15 upright faces
uncertain in place of 7.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from PIL.Image import Resampling

from models.faces.face import Face
from models.faces.look import mtcnn, span

SURE = 0.9995
"""A face found with more confidence than this is upright."""
MARGIN = 0.5
"""How much larger the logit of the confidence must be in a turned view."""
VIEW = 100
"""Side of a view in pixels..."""
WIDTH = 2.5
"""...and in longer sides of the box."""
_NONE = -5.0


def turns(face: Face) -> int:
    """Quarters by which the photo must be turned counter-clockwise (numpy.rot90) for this face to be upright, 0..3."""
    if face.confidence > SURE:
        return 0
    scores = view_scores(face)
    best = int(np.argmax(scores))
    return best if scores[best] > scores[0] + MARGIN else 0


def view_scores(face: Face) -> np.ndarray:
    """(4,) logit of the detector's confidence in the surroundings of a face, turned by 0..3 quarters."""
    view = _surroundings(face)
    with torch.inference_mode():
        boxes, confidence = mtcnn().detect(np.stack([np.rot90(view, k) for k in range(4)]))
    return np.array([_central(b, c) for b, c in zip(boxes, confidence, strict=True)])


def _central(boxes: np.ndarray | None, confidence: np.ndarray) -> float:
    """Logit of the surest face in the middle of a view; _NONE without one."""
    if boxes is None:
        return _NONE
    corners = np.stack(list(boxes)).astype(np.float64)
    offset = np.abs((corners[:, :2] + corners[:, 2:]) / 2 - VIEW / 2).max(1)
    found = np.asarray(confidence, np.float64)[offset < VIEW / 4]
    sure = min(float(found.max(initial=0.0)), 1 - 1e-7)
    return float(np.log(sure / (1 - sure))) if sure > 0 else _NONE


def _surroundings(face: Face) -> np.ndarray:
    """(VIEW, VIEW, 3) uint8: a square around the box; beyond the photo its edge is repeated."""
    side = WIDTH * span(face)
    left, top = (face.box[:2] + face.box[2:]) / 2 - side / 2
    height, width = face.photo.shape[:2]
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    scale = VIEW / side
    shape = (max(1, min(VIEW, round((x1 - x0) * scale))), max(1, min(VIEW, round((y1 - y0) * scale))))
    a, b, c, d = int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1))
    part = Image.fromarray(np.ascontiguousarray(face.photo[b:d, a:c]))
    seen = np.asarray(part.resize(shape, Resampling.BILINEAR, (x0 - a, y0 - b, x1 - a, y1 - b), 2.0))
    before = (min(VIEW - shape[1], round((y0 - top) * scale)), min(VIEW - shape[0], round((x0 - left) * scale)))
    after = (VIEW - shape[1] - before[0], VIEW - shape[0] - before[1])
    return np.pad(seen, ((before[0], after[0]), (before[1], after[1]), (0, 0)), mode="edge")


def turned_back(face: Face, quarters: int, photo: np.ndarray) -> Face:
    """A face found in numpy.rot90(photo, quarters), in the frame of `photo`; "left" stays what is left on the face."""
    height, width = photo.shape[:2]
    corners = face.box.reshape(2, 2)
    points = np.concatenate([face.keypoints, corners]).astype(np.float64)
    x, y = points[:, 0], points[:, 1]
    back = (
        (x, y),
        (width - 1 - y, x),
        (width - 1 - x, height - 1 - y),
        (y, height - 1 - x),
    )[quarters % 4]
    moved = np.stack(back, 1).astype(np.float32)
    box = np.concatenate([moved[5:].min(0), moved[5:].max(0)])
    return Face(photo, moved[:5], box, face.confidence)
