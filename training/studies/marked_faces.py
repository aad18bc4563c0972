"""FER+ faces with a majority and their 68 landmarks: what the expression studies look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.faces.face import FaceBatch
from training.data.crops import Crops
from training.data.ferplus import ferplus_crops, read_votes
from training.studies.action_units import five_points
from training.tools.face_api import landmarks_of

BATCH = 32


@dataclass(frozen=True)
class MarkedFaces:
    """Faces with labels and landmarks.

    Attributes:
        crops: of 48 px.
        labels: (N,) the expression that most people named.
        landmarks: (N, 68, 2) in [0, 1] of the crop.
    """

    crops: Crops
    labels: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def keypoints(self) -> np.ndarray:
        """(N, 5, 2) in [0, 1], from the landmarks."""
        return five_points(self.landmarks)

    def only(self, kept: np.ndarray) -> MarkedFaces:
        """The faces that (N,) bool keeps."""
        return MarkedFaces(self.crops.only(kept), self.labels[kept], self.landmarks[kept])

    def batch(self, rows: np.ndarray) -> FaceBatch:
        return self.crops.batch(rows)

    def batches(self) -> list[np.ndarray]:
        """All rows, BATCH at a time."""
        return np.split(np.arange(len(self)), range(BATCH, len(self), BATCH))


def marked_faces(root: Path, part: str, limit: int = 0) -> MarkedFaces:
    """Faces of a part of FER+ with a majority: all, or `limit` drawn at random.

    Raises:
        DataError: the set or the landmark network is missing.
    """
    voted = read_votes(root, part)
    kept = np.random.default_rng(0).permutation(np.flatnonzero(voted.agreed))
    voted = voted.only(np.isin(np.arange(len(voted.agreed)), kept[:limit] if limit else kept))
    crops = ferplus_crops(root, part, voted.names)
    return MarkedFaces(crops, voted.majority, landmarks_of(crops, root / "faceapi").numpy())
