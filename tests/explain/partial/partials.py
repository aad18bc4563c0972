"""Small, seeded networks of the partial-face comparison, and drawn faces for them."""

from __future__ import annotations

import numpy as np
import torch

from explain.partial.edit import Canvas
from explain.partial.find import NETWORKS
from models import Face, create_model
from models.faces.align import DLIB_150, PARTIAL_160
from models.pair import PairModel
from tests.explain.attention.arms import drawn_face

TINY = {"width": 4, "depths": (1, 1, 1), "dim": 8, "trunk": "bottleneck"}
CONFIGS: dict[str, dict] = {"partial_face": {**TINY, "parts": 5}, "partial_average": TINY, "dlib_resnet": {}}


def make_networks(seed: int = 0) -> dict[str, PairModel]:
    """Untrained networks, thinner than the demo's."""
    models = {}
    for name in NETWORKS:
        torch.manual_seed(seed)
        models[name] = create_model(name, **CONFIGS[name]).eval().requires_grad_(False)
    return models


def thresholds(value: float = 0.5) -> dict[str, float]:
    return dict.fromkeys(NETWORKS, value)


def aligned_face(seed: int = 0, side: int = 160) -> Face:
    """Smooth random colours with keypoints exactly where the protocol wants them."""
    face = drawn_face(seed, side)
    keypoints = PARTIAL_160.resized(side).points().astype(np.float32)
    return Face(face.photo, keypoints, face.box, 1.0)


def canvas(seed: int = 1) -> Canvas:
    return Canvas.of(aligned_face(seed), (PARTIAL_160, DLIB_150))
