"""bf16 for an evaluation where it does no harm: half the time on many CPUs, and a check that nothing hangs on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.faces.face import FaceBatch
from models.pair import PairModel

TOLERANCE = 1e-2
"""Largest change of a cosine that bf16 may make; what it was on the sample stands in the report."""


@dataclass(frozen=True)
class Precision:
    """Which arithmetic encodes.

    Attributes:
        half: bf16 by autocast; else fp32.
        words: the same for a report, with what the choice rests on.
    """

    half: bool
    words: str

    @torch.inference_mode()
    def encode(self, model: PairModel, faces: FaceBatch) -> Tensor:
        """Codes of B faces, in float32 on the CPU."""
        faces = faces.to(next(model.parameters()).device)
        with torch.autocast(faces.image.device.type, torch.bfloat16, enabled=self.half):
            image = faces.image.contiguous(memory_format=torch.channels_last)
            return model.encode(image, faces.keypoints).float().cpu()


EXACT = Precision(False, "fp32")


@torch.inference_mode()
def fastest(model: PairModel, sample: FaceBatch) -> Precision:
    """bf16 when no cosine between two faces of the sample changes by more than TOLERANCE, else fp32."""
    half, device = Precision(True, "bf16"), next(model.parameters()).device
    units = [model.embedding(p.encode(model, sample).to(device)) for p in (EXACT, half)]
    exact, fast = (unit @ unit.T for unit in units)
    change = float((exact - fast).abs().max())
    return (
        Precision(True, f"bf16, largest change of a cosine on a sample {change:.1e}") if change <= TOLERANCE else EXACT
    )
