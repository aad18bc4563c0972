"""A face from frame to frame of a camera: the detector's last stage looks where the face was.

Detection as for photos takes most of a frame's time. Here the whole detector runs where no face is known, or is lost,
and every RENEW frames, on a copy of SIDE pixels; in between its last stage alone (MTCNN's O-Net: is it a face, where
are its box and keypoints) reads the square in which the face was.

MTCNN: K. Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.faces.face import Face
from models.faces.look import WINDOW, area, last_stage, look

SIDE = 320
"""Longest side in pixels of what the whole detector sees of a frame."""
RENEW = 15
"""Frames after which the whole detector looks again: another face may be larger by then."""
SURE = 0.9
"""Probability below which a followed face is lost."""


@dataclass(frozen=True)
class Followed:
    """Where the face was in the last frame: all that is remembered of it.

    Attributes:
        box: (4,) float32 XYXY pixels of the frame.
        frames: since the whole detector looked.
        size: (height, width) of the frame.
    """

    box: np.ndarray
    frames: int
    size: tuple[int, int]


def follow(frame: np.ndarray, before: Followed | None) -> tuple[Face | None, Followed | None]:
    """The largest face of a frame, and what to remember for the next one.

    Args:
        frame: (H, W, 3) uint8 RGB.
        before: from the frame before; None for the first one.

    Raises:
        BusyError, TooLongError: as models.running.step.
    """
    size = frame.shape[0], frame.shape[1]
    if before is not None and before.size == size and before.frames < RENEW:
        face = refined(frame, before.box)
        if face is not None:
            return face, Followed(face.box, before.frames + 1, size)
    faces = look(frame, min(SIDE, max(size)))
    if not faces:
        return None, None
    face = max(faces, key=area)
    return face, Followed(face.box, 0, size)


def refined(frame: np.ndarray, box: np.ndarray) -> Face | None:
    """The face that the detector's last stage sees in a box, None where it is not sure of one.

    Args:
        frame: (H, W, 3) uint8 RGB.
        box: (4,) XYXY pixels of the frame; its square around the same middle is looked at.
    """
    centre, half = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max()) / 2
    left, top = np.floor(centre - half).astype(int).tolist()
    right, bottom = left + round(2 * half) + 1, top + round(2 * half) + 1
    if right - left < WINDOW // 4:
        return None
    square = np.array([left, top, right, bottom])
    shift, points, sure = (found[0] for found in last_stage(frame, square[None]))
    if float(sure) < SURE:
        return None
    side = float(right - left)
    keypoints, moved = points * side + square[:2].astype(np.float32), square.astype(np.float32) + shift * side
    return Face(frame, keypoints.astype(np.float32), moved.astype(np.float32), float(sure))
