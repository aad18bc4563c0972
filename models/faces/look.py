"""One look at a photo: facenet-pytorch's MTCNN on a resized copy, its findings in the frame of the photo.

All coordinates are pixels with (0, 0) at the centre of the top-left pixel, x to the right, y down.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.Image import Resampling

from models.faces.face import Face
from models.running import step

SECOND_FACE = 0.95
"""A face less certain than this counts only when the photo has no surer one: lapel pins look like faces."""
MIN_FACE = 20
"""Smallest face in pixels of the copy that is looked at."""
MIN_VIEW = 32
"""Sides in pixels that the detector needs: a strip is padded to them."""
LARGE = 16_000_000
"""Pixels of a photo above which it is shrunk in bands: Pillow works on a copy of 4 bytes a pixel."""
WINDOW = 48
"""Side in pixels of what the detector's last stage sees."""
BAND = 64
"""Rows of the small copy that are made at once."""


def mtcnn() -> Any:
    """The detector, about to be used: a step of a task. Raises as models.running.step."""
    step()
    return _mtcnn()


@lru_cache(maxsize=1)
def _mtcnn() -> Any:
    """Its import takes a second, which only detection pays."""
    from facenet_pytorch import MTCNN

    found = MTCNN(keep_all=True, device="cpu", min_face_size=MIN_FACE, thresholds=[0.6, 0.7, 0.7])
    return found.to(memory_format=torch.channels_last)  # its poolings are quicker so


def look(photo: np.ndarray, side: int, pad: float = 0.0) -> list[Face]:
    """Detect on a copy whose longest side is `side` pixels.

    Args:
        photo: (H, W, 3) uint8 RGB.
        pad: margin of repeated edge pixels, as a fraction of `side`.

    Returns:
        Faces in the frame of `photo`: those of at least SECOND_FACE, or the surest one.
    """
    height, width = photo.shape[:2]
    small = shrunk(photo, side)
    margin = max(round(pad * side), MIN_VIEW - min(small.size))
    view = np.pad(np.asarray(small), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    with torch.inference_mode():
        boxes, confidence, points = mtcnn().detect(Image.fromarray(view), landmarks=True)
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
    return surest(faces)


def surest(faces: list[Face]) -> list[Face]:
    """Faces of at least SECOND_FACE; without any, those as sure as the surest."""
    floor = min(SECOND_FACE, max((f.confidence for f in faces), default=0.0))
    return [f for f in faces if f.confidence >= floor]


def thinned(photo: np.ndarray, side: int) -> tuple[np.ndarray, int]:
    """Every n-th pixel of every n-th row, at least `side` on the longest side; and n. Quick and rough."""
    step = max(1, max(photo.shape[:2]) // side)
    return np.ascontiguousarray(photo[::step, ::step]), step


def glimpse(photo: np.ndarray, side: int, sure: float, most: int) -> np.ndarray:
    """The detector's first stage alone, at one scale: where a face of 12 pixels may be in a copy of `side` pixels.

    Returns:
        (N, 4) boxes, XYXY pixels of the photo, of at most `most` places with a probability above `sure`, surest first.
    """
    small = shrunk(photo, side)
    with torch.inference_mode():
        shift, probability = mtcnn().pnet(_normal(np.asarray(small))[None])
    score = probability[0, 1].numpy()
    rows, columns = np.nonzero(score > sure)
    order = np.argsort(-score[rows, columns])[:most]
    rows, columns = rows[order], columns[order]
    corner = np.stack([columns, rows], 1) * 2.0  # stride 2, a window of 12
    boxes = np.concatenate([corner, corner + 12], 1) + 12 * shift[0].numpy()[:, rows, columns].T
    return boxes * (photo.shape[1] / small.width)


def confirmed(photo: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N,) probability of the detector's last stage that (N, 4) boxes hold a face."""
    if not len(boxes):
        return np.zeros(0)
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 2
    return last_stage(photo, np.concatenate([centre - half, centre + half], 1).round().astype(int))[2]


def last_stage(photo: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The detector's last stage (O-Net) on squares of a photo.

    Args:
        squares: (N, 4) integers, N > 0, XYXY pixels of the photo.

    Returns:
        (N, 4) corners of the face's box less those of the square, (N, 5, 2) keypoints from the square's top left
        corner, both in sides of the square; (N,) probability that there is a face.
    """
    image = Image.fromarray(photo)
    crops = [image.crop(tuple(box)).resize((WINDOW, WINDOW), Resampling.BILINEAR) for box in squares.tolist()]
    with torch.inference_mode():
        shift, points, probability = mtcnn().onet(torch.stack([_normal(np.asarray(c)) for c in crops]))
    return shift.numpy(), points.view(-1, 2, 5).mT.numpy(), probability[:, 1].numpy()


def _normal(image: np.ndarray) -> torch.Tensor:
    """(H, W, 3) uint8 -> (3, H, W) as the detector's networks take it."""
    return (torch.from_numpy(image.copy()).permute(2, 0, 1).float() - 127.5) * 0.0078125


def span(face: Face) -> float:
    """Longer side of the box, pixels."""
    return float(max(face.box[2] - face.box[0], face.box[3] - face.box[1]))


def area(face: Face) -> float:
    """Of the box, square pixels."""
    return float((face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))


def same_place(a: Face, b: Face) -> bool:
    """Boxes that share more than half of the smaller one: one face seen twice."""
    shared = np.minimum(a.box[2:], b.box[2:]) - np.maximum(a.box[:2], b.box[:2])
    return bool((shared > 0).all()) and float(shared.prod()) > 0.5 * min(area(a), area(b))


def shrunk(photo: np.ndarray, side: int) -> Image.Image:
    """The photo with `side` pixels on its longest side, anti-aliased."""
    height, width = photo.shape[:2]
    scale = side / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    if height * width <= LARGE:
        return Image.fromarray(photo).resize(shape, Resampling.BILINEAR)
    small, step = Image.new("RGB", shape), height / shape[1]
    for top in range(0, shape[1], BAND):
        bottom = min(top + BAND, shape[1])
        reach = step + 2  # of the filter, in rows of the photo
        first, last = max(0, int(top * step - reach)), min(height, int(bottom * step + reach) + 1)
        band = Image.fromarray(photo[first:last])
        box = (0.0, top * step - first, float(width), min(bottom * step, height) - first)
        small.paste(band.resize((shape[0], bottom - top), Resampling.BILINEAR, box), (0, top))
    return small
