"""Further looks at photos whose small faces the first look cannot see: crowds, and long strips.

They only add: a face that the first look was sure of stays as it was found.
"""

from __future__ import annotations

import numpy as np

from models.faces.face import Face
from models.faces.look import SECOND_FACE, confirmed, glimpse, look, same_place, span, surest, thinned

FIRST_SIDE = 640
"""Longest side in pixels that detection looks at first..."""
SECOND_SIDE = 1600
"""...and then, where there may be smaller faces."""
SMALL = 0.06
"""A face whose box spans less than this of the longest side is near what the first look can see: there may be more."""
GROUP = 3
"""So many faces are a group, in which there may be more."""
ADDED = 0.99
"""Confidence that a face of a further look must have."""
GLIMPSE_SIDE = 440
"""Longest side of a copy in which faces of 12 pixels (2.3 to 3.2 % of the photo) hint at a crowd."""
HINT, HINTS = 0.97, 4
"""Probability of the detector's first stage at such a place, and how many of them its last stage is asked about..."""
HINT_SURE = 0.9
"""...and what that must answer."""
LONG = 3.0
"""Longest side over shortest beyond which a photo is looked at in tiles."""
MAX_TILES = 40


def more_faces(photo: np.ndarray, faces: list[Face]) -> list[Face]:
    """The faces of the first look and those that further looks add."""
    height, width = photo.shape[:2]
    longest = max(height, width)
    if longest <= FIRST_SIDE:
        return faces
    if longest > LONG * min(height, width):
        return merged(faces, _in_tiles(photo))
    if faces and _may_be_more(photo, faces):
        return merged(faces, look(photo, min(longest, SECOND_SIDE)))
    return faces


def merged(first: list[Face], further: list[Face]) -> list[Face]:
    """Sure faces of the first look, then those of further looks that are sure and elsewhere, the surest first."""
    kept = [f for f in first if f.confidence >= SECOND_FACE]
    for face in sorted(further, key=lambda f: -f.confidence):
        if face.confidence >= ADDED and not any(same_place(face, k) for k in kept):
            kept.append(face)
    return kept or surest(first + further)


def _may_be_more(photo: np.ndarray, faces: list[Face]) -> bool:
    longest = max(photo.shape[:2])
    if len(faces) >= GROUP or min(map(span, faces)) < SMALL * longest:
        return True
    rough, step = thinned(photo, 2 * GLIMPSE_SIDE)
    hints = _apart(glimpse(rough, GLIMPSE_SIDE, HINT, 100), [f.box / step for f in faces])
    return bool((confirmed(rough, hints) > HINT_SURE).any())


def _apart(boxes: np.ndarray, faces: list[np.ndarray]) -> np.ndarray:
    """Of (N, 4) boxes up to HINTS whose centres lie in no face and no chosen box."""
    chosen: list[np.ndarray] = []
    for box in boxes:
        centre = (box[:2] + box[2:]) / 2
        taken = faces + chosen
        if len(chosen) < HINTS and not any((centre > t[:2]).all() and (centre < t[2:]).all() for t in taken):
            chosen.append(box)
    return np.array(chosen).reshape(-1, 4)


def _in_tiles(photo: np.ndarray) -> list[Face]:
    """Look at tiles twice as long as the strip is wide, each half over the next."""
    height, width = photo.shape[:2]
    length, across = max(height, width), min(height, width)
    tile = max(2 * across, int(np.ceil(2 * length / (MAX_TILES + 1))))
    found: list[Face] = []
    for start in range(0, max(1, length - tile // 2), max(1, tile // 2)):
        stop = min(start + tile, length)
        part = photo[start:stop] if height >= width else photo[:, start:stop]
        shift = np.array([0, start]) if height >= width else np.array([start, 0])
        faces = look(np.ascontiguousarray(part), min(max(part.shape[:2]), FIRST_SIDE))
        found += [_moved(f, shift, photo) for f in faces if _whole(f, part, start > 0, stop < length)]
    return found


def _whole(face: Face, part: np.ndarray, before: bool, after: bool) -> bool:
    """The box does not reach over an end of the tile behind which the photo goes on."""
    axis = 1 if part.shape[0] >= part.shape[1] else 0
    return not (before and face.box[axis] < 0) and not (after and face.box[axis + 2] > part.shape[1 - axis] - 1)


def _moved(face: Face, shift: np.ndarray, photo: np.ndarray) -> Face:
    return Face(
        photo,
        (face.keypoints + shift).astype(np.float32),
        (face.box + np.tile(shift, 2)).astype(np.float32),
        face.confidence,
    )
