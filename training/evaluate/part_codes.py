"""Codes of aligned faces with a part left of them, as fast as the cosines allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.faces import PARTIAL_160, align
from models.outputs import FaceBatch
from models.pair import PairModel
from models.partial_crops import FACTORS, WHOLE, crop_part
from training.crops import Crops, template_face

BATCH = 32
TOLERANCE = 1e-3
"""Largest change of a cosine that bf16 may make."""


class Embedder:
    """Codes of aligned faces with a part left of them: bf16 where it changes no cosine by more than TOLERANCE.

    Attributes:
        precision: which arithmetic was chosen, in words.
    """

    def __init__(self, model: PairModel, crops: Crops) -> None:
        self.model, self.crops = model.to(memory_format=torch.channels_last), crops
        self.device = next(model.parameters()).device
        self.half, self.precision = False, "fp32"
        change = self._change(range(0, len(crops), max(1, len(crops) // BATCH)))
        if change <= TOLERANCE:
            self.half, self.precision = True, f"bf16, largest change of a cosine on a sample {change:.1e}"

    def _change(self, rows: Sequence[int]) -> float:
        """The largest difference of a cosine between bf16 and fp32 among some faces, whole and partial."""
        faces = np.asarray(self.crops.image[np.asarray(rows)])
        both = np.concatenate([faces, crop_part(faces, "nose", FACTORS[2])])
        cosines = []
        for half in (False, True):
            self.half = half
            unit = self.model.embedding(self.codes(both).to(self.device))
            cosines.append(unit @ unit.T)
        self.half = False
        return float((cosines[0] - cosines[1]).abs().max())

    @torch.inference_mode()
    def codes(self, faces: np.ndarray) -> Tensor:
        """(B, 160, 160, 3) uint8 -> codes in float32 on the CPU."""
        batch = as_input(self.model, faces).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            image = batch.image.contiguous(memory_format=torch.channels_last)
            return self.model.encode(image, batch.keypoints).float().cpu()

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
        return FaceBatch.cat([align(template_face(face, PARTIAL_160), model.spec) for face in faces])
    image = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255  # (B, 3, 160, 160)
    points = torch.from_numpy((PARTIAL_160.points() + 0.5) / PARTIAL_160.size).float()
    return FaceBatch(image, points.expand(len(image), 5, 2))
