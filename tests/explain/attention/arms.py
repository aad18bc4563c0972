"""Small, seeded arms of the attention comparison, and a drawn face for them."""

from __future__ import annotations

import numpy as np
import torch

from models import Face, create_model
from models.faces.align import ARCFACE_112
from models.pair import PairModel

WIDTH = {"width": 16, "dim": 8}
"""The demo's network at half its width."""


def make_arms(seed: int = 0) -> dict[str, PairModel]:
    """Untrained networks that share every layer but the gate."""
    arms = {}
    for name in ("ir18_none", "ir18_se", "ir18_cbam"):
        torch.manual_seed(seed)
        arms[name] = create_model(name, **WIDTH).eval().requires_grad_(False)
    return arms


def drawn_face(seed: int = 0, side: int = 112) -> Face:
    """Smooth random colours with keypoints where ArcFace wants them."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(30, 220, (1, 3, 9, 9)).astype(np.float32))
    photo = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 255)
    keypoints = ARCFACE_112.resized(side).points().astype(np.float32)
    box = np.array([0, 0, side - 1, side - 1], np.float32)
    return Face(photo[0].permute(1, 2, 0).numpy().astype(np.uint8), keypoints, box, 1.0)
