"""Codes of aligned faces with a part left of them, as fast as the cosines allow."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.faces.align import PARTIAL_160
from models.faces.face import FaceBatch
from models.faces.partial_crops import FACTORS, WHOLE, crop_part
from models.pair import PairModel
from training.data.crops import Crops, template_face
from training.evaluate.precision import Precision, fastest

BATCH = 32


class Embedder:
    """Codes of aligned faces with a part left of them, in the fastest arithmetic that keeps the cosines.

    Attributes:
        precision: which one was chosen.
    """

    def __init__(self, model: PairModel, crops: Crops) -> None:
        self.model, self.crops = model.to(memory_format=torch.channels_last), crops
        faces = np.asarray(crops.image[np.arange(0, len(crops), max(1, len(crops) // BATCH))])
        both = np.concatenate([faces, crop_part(faces, "nose", FACTORS[2])])
        self.precision: Precision = fastest(self.model, as_input(model, both))

    def codes(self, faces: np.ndarray) -> Tensor:
        """(B, 160, 160, 3) uint8 -> codes in float32 on the CPU."""
        return self.precision.encode(self.model, as_input(self.model, faces))

    def part(self, rows: np.ndarray, part: str, factor: float, centred: bool) -> Tensor:
        """Codes of rows of the crops with one part left (WHOLE: all)."""
        parts = []
        what = part if part == WHOLE else f"{part} {factor:g}{', centred' if centred else ''}"
        for start in tqdm(range(0, len(rows), BATCH), desc=what, unit="batch", leave=False):
            faces = np.asarray(self.crops.image[rows[start : start + BATCH]])
            parts.append(self.codes(crop_part(faces, part, factor, centred)))
        return torch.cat(parts)


def as_input(model: PairModel, faces: np.ndarray) -> FaceBatch:
    """(B, 160, 160, 3) uint8 of the protocol's template as this model takes them, black beyond; its template's points.

    Hidden landmarks cannot be detected: a network that reads keypoints gets those of the template.
    """
    if model.spec != PARTIAL_160:
        return FaceBatch.cat([template_face(face, PARTIAL_160).aligned(model.spec) for face in faces])
    image = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255  # (B, 3, 160, 160)
    points = torch.from_numpy((PARTIAL_160.points() + 0.5) / PARTIAL_160.size).float()
    return FaceBatch(image, points.expand(len(image), 5, 2))
