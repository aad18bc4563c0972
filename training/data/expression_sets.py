"""CK+ and JAFFE: posed expressions of known people. Evaluation only; nothing is downloaded.

    ckplus/<class>/S011_003_00000012.png    48 px, framed as FER2013 frames faces; the last three frames of a sequence
    jaffe/KA.AN1.39.tiff                    Japanese women; the photos go through detection

Sources: P. Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", CVPR Workshops 2010; M. Lyons et al., "Coding Facial
Expressions with Gabor Wavelets", FG 1998.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from models.expressions import EXPRESSIONS
from models.faces.align import FER_48
from models.faces.face import InputSpec
from training.data.crops import Crops, cached_crops, template_face
from training.data.detections import central_face
from training.data.lists import DataError, need

CKPLUS = {
    "anger": "anger",
    "contempt": "contempt",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "sadness": "sadness",
    "surprise": "surprise",
}
"""Folders of CK+ -> our names. It has no neutral faces here."""
JAFFE = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
"""JAFFE's codes -> our names. It has no contempt."""


@dataclass(frozen=True)
class Posed:
    """Faces, what they were asked to show, and who they are.

    Attributes:
        names: of the images, relative to the set's folder.
        labels: (N,) among EXPRESSIONS.
        people: of each image.
    """

    names: tuple[str, ...]
    labels: np.ndarray
    people: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


def _posed(rows: list[tuple[str, str, str]], folder: Path) -> Posed:
    if not rows:
        raise DataError(f"no face of the wanted names in {folder}")
    names, labels, people = zip(*sorted(rows), strict=True)
    return Posed(names, np.array([EXPRESSIONS.index(label) for label in labels]), people)


def ckplus(root: Path) -> Posed:
    """The 981 frames of 118 people.

    Raises:
        DataError: no such folder, or no face in it.
    """
    folder = need(root / "ckplus")
    found = [p for c in CKPLUS for p in (folder / c).glob("S*_*_*.png")]
    return _posed([(f"{p.parent.name}/{p.name}", CKPLUS[p.parent.name], p.name.split("_")[0]) for p in found], folder)


def jaffe(root: Path) -> Posed:
    """The photos of ten women.

    Raises:
        DataError: no such folder, or no face in it.
    """
    folder = need(root / "jaffe")
    return _posed(list(_jaffe_rows(folder)), folder)


def _jaffe_rows(folder: Path) -> Iterator[tuple[str, str, str]]:
    for path in folder.glob("*.tif*"):
        person, _, rest = path.name.partition(".")
        if rest[:2] in JAFFE:
            yield path.name, JAFFE[rest[:2]], person


def ckplus_crops(root: Path, posed: Posed, spec: InputSpec = FER_48) -> Crops:
    """CK+'s faces, as they are stored, framed for a network."""
    return cached_crops("ckplus", root / "ckplus", posed.names, spec, partial(template_face, source=FER_48))


def jaffe_crops(root: Path, posed: Posed, spec: InputSpec) -> Crops:
    """JAFFE's faces, detected and aligned."""
    return cached_crops("jaffe", root / "jaffe", posed.names, spec, central_face)
