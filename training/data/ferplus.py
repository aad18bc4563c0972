"""FER+ and FER2013: 48 px grey faces, with the votes of ten people, and with one label each. Nothing is downloaded.

    ferplus/FER2013{Train,Valid,Test}/*.png and label.csv        (Barsoum et al. 2016)
    fer2013/{train,validation,test}/<class>/*.jpg                (Goodfellow et al. 2013)

Both hold the same faces in the same parts. Votes are cleaned as the authors of FER+ do for training by majority:
single votes are dropped; of what is left, more than half must be for one of the eight expressions.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from models.expressions import EXPRESSIONS
from models.faces.align import FER_48
from models.faces.face import InputSpec
from training.data.crops import Crops, cached_crops, template_face
from training.data.lists import DataError, need

PARTS = {"train": "FER2013Train", "valid": "FER2013Valid", "test": "FER2013Test"}
SAME = 0.9
"""99 of 100 best matches lie above it, and with single exceptions no second best does, but for FER2013's doubles."""
FOLDERS = {"train": "train", "valid": "validation", "test": "test"}
BASIC = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
    "neutral": "neutral",
}
"""FER2013's seven folders -> our names; it has no contempt."""


@dataclass(frozen=True)
class Voted:
    """Faces and what ten people called them.

    Attributes:
        names: of the images, relative to the part's folder.
        shares: (N, 8) float32, shares of the votes for an expression that are left after cleaning; rows add up to 1.
        agreed: (N,) bool: more than half of all votes left are for one expression, so the face has a majority.
    """

    names: tuple[str, ...]
    shares: np.ndarray
    agreed: np.ndarray

    @property
    def majority(self) -> np.ndarray:
        """(N,) the expression with most votes."""
        return self.shares.argmax(1)

    def only(self, rows: np.ndarray) -> Voted:
        """Some of the faces; rows: (N,) bool."""
        names = tuple(n for n, kept in zip(self.names, rows, strict=True) if kept)
        return Voted(names, self.shares[rows], self.agreed[rows])


def cleaned(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 10) votes -> (N, 8) shares, (N,) agreed, (N,) usable: most of the votes left are for an expression."""
    left = np.where(votes > 1, votes, 0).astype(np.float64)
    faces = left[:, : len(EXPRESSIONS)]
    whole = left.sum(1)
    usable = (faces.sum(1) > 0) & (faces.max(1) >= left[:, len(EXPRESSIONS) :].max(1))
    agreed = usable & (faces.max(1) > 0.5 * whole)
    return (faces / np.maximum(faces.sum(1, keepdims=True), 1)).astype(np.float32), agreed, usable


def read_votes(root: Path, part: str, every: bool = False) -> Voted:
    """The faces of "train", "valid" or "test" that show an expression; or every picture.

    Raises:
        DataError: a file is missing, or a line is not of FER+'s form.
    """
    file = need(root / "ferplus" / PARTS[part] / "label.csv")
    names, votes = [], []
    with file.open(newline="") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            try:
                votes.append([float(v) for v in row[2:12]])
            except ValueError as error:
                raise DataError(f"{file}, line {number}: votes are numbers: {error}") from error
            if len(votes[-1]) != 10:
                raise DataError(f"{file}, line {number}: ten columns of votes are wanted, found {len(votes[-1])}")
            names.append(row[0])
    shares, agreed, usable = cleaned(np.array(votes))
    found = Voted(tuple(names), shares, agreed)
    return found if every else found.only(usable)


def ferplus_crops(root: Path, part: str, names: tuple[str, ...], spec: InputSpec = FER_48) -> Crops:
    """The faces as they are stored, at 48 px; or framed for another network."""
    folder = root / "ferplus" / PARTS[part]
    return cached_crops(f"ferplus_{part}", folder, names, spec, partial(template_face, source=FER_48))


def read_fer2013(root: Path, part: str) -> tuple[Crops, np.ndarray]:
    """Every face of a part of FER2013's copy, at 48 px, and (N,) its label among EXPRESSIONS.

    Raises:
        DataError: no such folder, or no face in it.
    """
    folder = need(root / "fer2013" / FOLDERS[part])
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.jpg") if p.parent.name in BASIC)
    if not names:
        raise DataError(f"no face below {folder}: folders {', '.join(BASIC)} are wanted")
    labels = np.array([EXPRESSIONS.index(BASIC[name.split("/")[0]]) for name in names])
    return cached_crops(f"fer2013_{part}", folder, names, FER_48, partial(template_face, source=FER_48)), labels


def fer2013(root: Path, part: str) -> tuple[Crops, np.ndarray]:
    """FER+'s copy of every face of a part at 48 px, and (N,) FER2013's own label, -1 where none is found.

    Raises:
        DataError: as read_votes and read_fer2013.
    """
    crops = ferplus_crops(root, part, read_votes(root, part, every=True).names)
    return crops, single_labels(crops, *read_fer2013(root, part))


def single_labels(crops: Crops, others: Crops, labels: np.ndarray) -> np.ndarray:
    """(N,) FER2013's own label of FER+ faces, among EXPRESSIONS; -1 where the face is not found.

    The copy of FER2013 has other file names and stretched contrasts. Stretching keeps the order of the grey levels, so
    the pictures are matched by the rank correlation of 24 x 24 thumbnails: the best one, if it is above `SAME`.
    """
    ours, theirs = ranked(crops.image), ranked(others.image)
    found = []
    for start in range(0, len(ours), 512):
        best, at = (ours[start : start + 512] @ theirs.T).max(1)
        found.append(np.where(best.numpy() > SAME, labels[at.numpy()], -1))
    return np.concatenate(found)


def ranked(image: np.ndarray) -> torch.Tensor:
    """(N, 48, 48, 3) grey uint8 -> (N, 576) ranks of 2 x 2 means, centred and of length 1."""
    grey = torch.from_numpy(image[..., 0].astype(np.float32))
    small = F.avg_pool2d(grey[:, None], 2).flatten(1)
    order = small.argsort(1).argsort(1).float()
    return F.normalize(order - order.mean(1, keepdim=True), dim=1)
