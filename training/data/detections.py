"""The face of a photo of a data set, found once and remembered: detection takes longer than most networks' answers.

What is kept in <cache>/faces.sqlite are five keypoints, a box and a confidence under a hash of the pixels and of the
detection's source: no pixels, and another detector finds everything anew.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np

import models.faces
from models.faces.choice import nearest_centre
from models.faces.detect import default_face, detect_faces
from models.faces.face import Face

DETECTOR = ("align", "crowds", "detect", "face", "geometry", "look", "turned")
"""Files of models/faces that decide where a face is found."""


def cache_dir() -> Path:
    """KINSIGHT_CACHE, else runs/cache in the repository."""
    own = os.environ.get("KINSIGHT_CACHE")
    return Path(own) if own else Path(__file__).resolve().parents[2] / "runs" / "cache"


def central_face(photo: np.ndarray) -> Face:
    """The detected face whose box centre is nearest the photo's centre; default_face (confidence 0) when none is.

    Args:
        photo: (H, W, 3) uint8 RGB.
    """
    key = _key(photo)
    with closing(_open()) as store:
        row = store.execute("select marks from faces where key = ?", (key,)).fetchone()
        if row is not None:
            return _face(photo, np.frombuffer(row[0], np.float32))
        face = _detect(photo)
        marks = np.concatenate([face.keypoints.ravel(), face.box, [face.confidence]]).astype(np.float32)
        with store:  # commits
            store.execute("insert or ignore into faces values (?, ?)", (key, marks.tobytes()))
    return _face(photo, marks)


def _detect(photo: np.ndarray) -> Face:
    return nearest_centre(photo, detect_faces(photo)) or default_face(photo)


def _face(photo: np.ndarray, marks: np.ndarray) -> Face:
    return Face(photo, marks[:10].reshape(5, 2).copy(), marks[10:14].copy(), float(marks[14]))


@cache
def detector_source() -> bytes:
    """The code that finds and aligns faces: another code, other entries of every cache."""
    folder = Path(inspect.getfile(models.faces)).parent
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")) if path.stem in DETECTOR)


def _key(photo: np.ndarray) -> str:
    digest = hashlib.sha256(detector_source() + repr(photo.shape).encode())
    digest.update(np.ascontiguousarray(photo).tobytes())
    return digest.hexdigest()


def _open() -> sqlite3.Connection:
    """Several processes may share the file; each waits for the others' short writes."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    store = sqlite3.connect(cache_dir() / "faces.sqlite", timeout=60)
    store.execute("create table if not exists faces (key text primary key, marks blob) without rowid")
    return store
