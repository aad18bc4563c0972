"""Small, seeded arms of the attention comparison, and a drawn face for them."""

from __future__ import annotations

import numpy as np
import torch

from models import Face, create_model
from models.face_model import FaceModel
from models.faces.align import ARCFACE_112
from models.pair import PairModel

SIZE = {"size": "xxs", "dim": 8}
"""The smaller of the two networks."""


def make_arms(seed: int = 0) -> dict[str, PairModel]:
    """Untrained networks that share every layer but the gate.

    Their branches, which EdgeNeXt starts at a millionth, count in full: so do the gates.
    """
    arms = {}
    for name in ("edgeface_none", "edgeface_se", "edgeface_cbam"):
        torch.manual_seed(seed)
        arms[name] = with_branches(create_model(name, **SIZE)).eval().requires_grad_(False)
    return arms


@torch.no_grad()
def with_branches(model: FaceModel) -> FaceModel:
    """The same network, its layer scales set to one."""
    for name, parameter in model.named_parameters():
        if name.rpartition(".")[2].startswith("gamma"):
            parameter.fill_(1)
    return model


def drawn_face(seed: int = 0, side: int = 112) -> Face:
    """Smooth random colours with keypoints where ArcFace wants them."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(30, 220, (1, 3, 9, 9)).astype(np.float32))
    photo = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 255)
    keypoints = ARCFACE_112.resized(side).points().astype(np.float32)
    box = np.array([0, 0, side - 1, side - 1], np.float32)
    return Face(photo[0].permute(1, 2, 0).numpy().astype(np.uint8), keypoints, box, 1.0)
