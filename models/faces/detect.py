"""Photo -> faces: detection (facenet-pytorch's MTCNN).

All coordinates are pixels with (0, 0) at the centre of the top-left pixel, x to the right, y down.
"""

from __future__ import annotations

import numpy as np

from models.faces.align import ARCFACE_112
from models.faces.crowds import FIRST_SIDE, SECOND_SIDE, more_faces
from models.faces.face import Face
from models.faces.look import SECOND_FACE, area, look, span
from models.faces.turned import turned_back, turns

SMALL_SIDE = 200
"""Photos whose longest side is below this are enlarged to it, and get the margin at once."""
MARGIN = 0.4
"""Border of repeated edge pixels around a tight crop, as a fraction of its longest side. The detector cuts its
window at the photo's edge, which would shift the keypoints of a face that reaches it."""
TIGHT = 0.5
"""A face whose box spans more of the photo's longest side than this is looked at again with the margin..."""
TIGHT_SIDE = 320
"""...at this longest side: the detector's last stage sees 48 pixels of it anyhow."""


def detect_faces(photo: np.ndarray) -> list[Face]:
    """Find the faces in a photo, largest first.

    A photo that lies on its side or upside down is turned until its largest face is upright; the faces are in the frame
    of the photo as it was given, with "left" and "right" as on the upright one.

    Args:
        photo: (H, W, 3) uint8 RGB (see open_photo).

    Returns:
        Faces in the frame of `photo`; an empty list when none is found.

    Raises:
        TypeError: another kind of photo; the message says how to get one.
    """
    _check(photo)
    faces = _largest_first(_found(photo))
    quarters = _quarters(photo, faces)
    if quarters:
        upright = _found(np.ascontiguousarray(np.rot90(photo, quarters)))
        faces = _largest_first([turned_back(f, quarters, photo) for f in upright]) or faces
    return faces


def _check(photo: object) -> None:
    if isinstance(photo, np.ndarray) and photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3:
        return
    what = f"{photo.shape} {photo.dtype}" if isinstance(photo, np.ndarray) else type(photo).__name__
    raise TypeError(f"detect_faces wants an (H, W, 3) uint8 RGB array, not {what}: open_photo makes one of any photo")


def _largest_first(faces: list[Face]) -> list[Face]:
    return sorted(faces, key=lambda f: -area(f))


def _found(photo: np.ndarray) -> list[Face]:
    """Faces of a photo that is upright."""
    for side, pad in _attempts(photo):
        faces = look(photo, side, pad)
        if faces and not pad and any(span(f) > TIGHT * max(photo.shape[:2]) for f in faces):
            faces = look(photo, min(side, TIGHT_SIDE), MARGIN) or faces
        if not pad:
            faces = more_faces(photo, faces)
        if faces:
            return faces
    return []


def _attempts(photo: np.ndarray) -> list[tuple[int, float]]:
    """(longest side looked at, margin added as a fraction of the longest side), in order."""
    longest = max(photo.shape[:2])
    if longest < SMALL_SIDE:
        return [(SMALL_SIDE, MARGIN), (2 * SMALL_SIDE, MARGIN)]
    attempts = [(min(longest, FIRST_SIDE), 0.0)]
    if longest > FIRST_SIDE:
        attempts.append((min(longest, SECOND_SIDE), 0.0))
    return [*attempts, (FIRST_SIDE, MARGIN)]


def _quarters(photo: np.ndarray, faces: list[Face]) -> int:
    """How often the photo must be turned counter-clockwise by 90 degrees for its faces to be upright, 0..3."""
    if faces:
        return turns(faces[0])
    side, pad = _attempts(photo)[0]
    sure = [max((f.confidence for f in look(np.rot90(photo, k), side, pad)), default=0.0) for k in (1, 2, 3)]
    return 1 + int(np.argmax(sure)) if max(sure) >= SECOND_FACE else 0


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
