"""A photo as a session remembers it: where the file lies and what was found in it, never the pixels.

Pixels are read again when needed: a session stays a few hundred bytes, whatever people upload.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Set
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from PIL import Image

from explain.core import render
from models import Face, PhotoError, detect_faces
from models.faces.decoder import read_untrusted
from models.faces.photo import Photo
from models.faces.quality import Quality, assess
from ui.shared.held import SESSION

FOLDER = Path(__file__).resolve().parent.parent / "examples"
"""The app's own photos."""
MAX_MEGAPIXELS = 60
VIEW_SIDE = 900
"""Longest side in pixels of photos as the page shows them."""
NO_FACE = (
    "No face was found in this photo. Choose one in which a face is larger, better lit or turned more to the camera."
)
KEPT_BYTES = 150_000_000
"""Pixels kept for speed: of the newest photo in any case, of others while all take no more than this."""
GONE = "This photo is no longer kept. Please choose it again."
Key = tuple[str, int, bytes]


@dataclass(frozen=True)
class Mark:
    """Where one face is: a Face without its photo."""

    keypoints: np.ndarray
    box: np.ndarray
    confidence: float


@dataclass(frozen=True)
class Shot:
    """One photo of a session, with its faces.

    Attributes:
        path: of the file.
        marks: at least one, largest first, pixels of the photo.
        chosen: index into marks.
        shown: path of the picture that the page shows for this photo; empty until there is one.
        note: which page or frame of the file it is, when the file holds several; empty otherwise.
        keeper: what removes the file when nobody refers to it any more (an unpacked gallery); None for uploads.
    """

    path: str
    marks: tuple[Mark, ...]
    chosen: int = 0
    shown: str = ""
    note: str = ""
    keeper: object = field(default=None, repr=False, compare=False)

    @property
    def key(self) -> Key:
        """Which face: photo, number, and where its keypoints are."""
        return self.path, self.chosen, self.marks[self.chosen].keypoints.tobytes()

    def pick(self, index: int) -> Shot:
        """The same photo with another face chosen.

        Raises:
            ValueError: there is no such face.
        """
        if not 0 <= index < len(self.marks):
            raise ValueError(f"face {index} of {len(self.marks)}")
        return replace(self, chosen=index)

    def face(self) -> Face:
        """The chosen face, in its photo at full size.

        Raises:
            PhotoError: the file is no longer there.
        """
        mark = self.marks[self.chosen]
        return Face(read(self.path).pixels, mark.keypoints, mark.box, mark.confidence)

    def faces_in_view(self, side: int = VIEW_SIDE) -> list[Face]:
        """All faces, in a copy of the photo of at most `side` pixels a side.

        Raises:
            PhotoError: the file is no longer there.
        """
        photo = read(self.path).pixels
        view, scale = shrink(photo, side)
        return [Face(view, to_view(m.keypoints, scale), to_view(m.box, scale), m.confidence) for m in self.marks]

    def view(self) -> np.ndarray:
        """(H, W, 3) uint8: the photo with its faces drawn, for the page."""
        faces = self.faces_in_view()
        return render.draw_faces(faces[0].photo, faces, self.chosen)

    def quality(self) -> Quality:
        """Size, sharpness and turn of the chosen face, measured once. Raises as face."""
        mark = self.marks[self.chosen]
        return _measured(self.path, mark.keypoints.tobytes(), mark.box.tobytes(), mark.confidence)


@lru_cache(maxsize=512)
def _measured(path: str, keypoints: bytes, box: bytes, confidence: float) -> Quality:
    points, corners = (np.frombuffer(values, np.float32) for values in (keypoints, box))
    return assess(Face(read(path).pixels, points.reshape(5, 2), corners, confidence))


def take(path: str | None) -> Shot:
    """Open a photo and find its faces.

    Raises:
        PhotoError: unreadable, too large, or without a face; the message is for the person who chose it.
    """
    if not path:
        raise PhotoError("There is no photo yet.")
    photo = read(path)
    faces = detect_faces(photo.pixels)
    if not faces:
        raise PhotoError(NO_FACE)
    return Shot(path, tuple(Mark(f.keypoints, f.box, f.confidence) for f in faces), note=photo.note)


@lru_cache(maxsize=64)
def example_shot(name: str) -> Shot:
    """One of the app's own photos by its file name; its faces are found once. Raises as take."""
    return take(str(FOLDER / name))


def shrink(photo: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """A copy whose longest side is at most `side` pixels, and the scale from photo to copy."""
    height, width = photo.shape[:2]
    scale = min(1.0, side / max(height, width))
    if scale == 1.0:
        return photo, 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX)), scale


def to_view(points: np.ndarray, scale: float) -> np.ndarray:
    """Pixel coordinates (centre of the top-left pixel at 0) in a copy shrunk by `scale`."""
    return ((points + 0.5) * scale - 0.5).astype(np.float32)


def read(path: str) -> Photo:
    """A photo, decoded in the child process, its pixels read-only; the last ones are kept (KEPT_BYTES, keep_for).

    Raises:
        PhotoError: unreadable, larger than MAX_MEGAPIXELS, or no longer there.
    """
    try:
        key = path, Path(path).stat().st_mtime_ns
    except FileNotFoundError as error:
        raise PhotoError(GONE) from error
    with _LOCK:
        if key in _KEPT:
            _KEPT.move_to_end(key)
            _KEPT[key].sessions.add(SESSION.get())
            return _KEPT[key].photo
    try:
        photo = read_untrusted(path, MAX_MEGAPIXELS * 1_000_000)
    except FileNotFoundError as error:
        raise PhotoError(GONE) from error
    photo.pixels.setflags(write=False)
    with _LOCK:
        _KEPT[key] = _Kept(photo, {SESSION.get()})
        while len(_KEPT) > 1 and sum(kept.photo.pixels.nbytes for kept in _KEPT.values()) > KEPT_BYTES:
            _KEPT.popitem(last=False)
    return photo


class _Kept(NamedTuple):
    """A photo, and the sessions that asked for it."""

    photo: Photo
    sessions: set[str]


_KEPT: OrderedDict[tuple[str, int], _Kept] = OrderedDict()
_LOCK = Lock()


def keep_for(living: Set[str]) -> None:
    """Drop the pixels of files that went or changed, and those that no session among `living` asked for.

    The app's own photos stay. What was asked for without a session (a tool's call) goes.
    """
    with _LOCK:
        for (path, changed), kept in list(_KEPT.items()):
            kept.sessions.intersection_update(living)
            if not (kept.sessions or Path(path).parent == FOLDER) or _changed(path) != changed:
                del _KEPT[path, changed]


def _changed(path: str) -> int | None:
    """When a file was changed last, ns; None when it is not there."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def forget() -> None:
    """Drop all pixels that are kept for speed."""
    with _LOCK:
        _KEPT.clear()
