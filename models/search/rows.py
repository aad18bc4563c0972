"""What goes into an index and comes out of it, face by face, and as SQLite keeps it."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from models.errors import UserError

FACE = "id, digest, number, person, box, keypoints, confidence, code, identity, checksum"
"""Columns of a face; the last six are what `stored` gives."""
FULL = "There is no room left for the index {path}. What is in it stays: make room and give the same command again."


class FaceIndexError(UserError, ValueError):
    """An index that cannot be used, or not for this; the message is for the person who asked."""


@dataclass(frozen=True)
class Encoded:
    """One face as it enters an index.

    Attributes:
        box: (4,) float32 XYXY, keypoints: (5, 2) float32, both pixels of the photo.
        confidence: of the detector, in [0, 1].
        code: of the model that compares; identity: embedding that tells people apart, or None. Stored as float16.
    """

    box: np.ndarray
    keypoints: np.ndarray
    confidence: float
    code: np.ndarray
    identity: np.ndarray | None = None


@dataclass(frozen=True)
class Seen:
    """A photo that was looked at: SHA-256 of its bytes, the faces in it, and why there are none, in words."""

    digest: bytes
    faces: tuple[Encoded, ...] = ()
    note: str = ""


class Name(NamedTuple):
    """A file: number of its source, name there, SHA-256 of its bytes, and size and time when it was read."""

    source: int
    name: str
    digest: bytes
    stamp: str


@dataclass(frozen=True)
class Row:
    """One face of an index.

    Attributes:
        id: never used twice.  number: of the face in its photo, the largest 1.
        person: of the grouping, from 1; 0 where there is none.
        others as in Encoded and Seen; code and identity are flat.
    """

    id: int
    digest: bytes
    number: int
    box: np.ndarray
    keypoints: np.ndarray
    confidence: float
    code: np.ndarray
    identity: np.ndarray | None
    person: int


class Near(NamedTuple):
    """What is compared of n faces: ids and persons (n,), codes (n, D) and identities (n, E) float32, flat."""

    ids: np.ndarray
    person: np.ndarray
    code: np.ndarray
    identity: np.ndarray | None


def stored(face: Encoded) -> tuple[Any, ...]:
    """Box, keypoints, confidence, code, identity and the checksum of all these, as values of SQLite."""
    box, keypoints = (np.ascontiguousarray(v, np.float32).tobytes() for v in (face.box, face.keypoints))
    code, identity = (None if v is None else np.asarray(v, np.float16).tobytes() for v in (face.code, face.identity))
    values = box, keypoints, float(face.confidence), code, identity
    return *values, checksum(values)


def checksum(values: tuple[Any, ...]) -> int:
    """CRC-32 of what is kept of a face: SQLite itself does not notice when bytes of a value have changed."""
    box, keypoints, confidence, code, identity = values
    found = zlib.crc32(struct.pack("<d", confidence))
    for part in (box, keypoints, code, identity or b""):
        found = zlib.crc32(part, found)
    return found


def row_of(values: tuple[Any, ...]) -> Row:
    """A row of the table (see FACE) as a Row."""
    number, digest, place, person, box, keypoints, confidence, code, identity, _ = values
    halves = np.frombuffer(code, np.float16).astype(np.float32)
    known = None if identity is None else np.frombuffer(identity, np.float16).astype(np.float32)
    points = np.frombuffer(keypoints, np.float32).reshape(5, 2)
    return Row(number, digest, place, np.frombuffer(box, np.float32), points, confidence, halves, known, person or 0)


def halves(values: list[bytes | None]) -> np.ndarray | None:
    """float16 vectors as SQLite keeps them -> (n, D) float32; None without any."""
    if not values or values[0] is None:
        return None
    return np.frombuffer(b"".join(v or b"" for v in values), np.float16).reshape(len(values), -1).astype(np.float32)
