"""Sanity: a map must change when the weights or the partner change, and must not when it is asked twice.

"Sanity Checks for Saliency Maps" (Adebayo et al., NeurIPS 2018): weights are randomised from the top, layer by layer,
here by shuffling the values inside each tensor, which keeps their distribution. Alike is Spearman's rank correlation of
two maps at the crop's resolution.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from scipy.stats import spearmanr

from benchmarks.evidence.curves import first_map
from explain import EXPLAINERS
from models import predict
from models.face_model import FaceModel
from models.faces.face import FaceBatch

M = TypeVar("M", bound=FaceModel)
DEPTHS = (0.25, 1.0)
"""Shares of the tensors that are randomised, counted from the answer down."""


def shuffled(model: M, share: float, seed: int = 0) -> M:
    """A copy whose last tensors (a share of all, in the order they are declared) hold their values in random places."""
    twin = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    parameters = list(twin.parameters())
    for p in parameters[len(parameters) - round(share * len(parameters)) :]:
        order = torch.randperm(p.numel(), generator=generator)
        p.data = p.data.flatten()[order].view_as(p)
    return twin


def map_of(model: FaceModel, faces: Sequence[FaceBatch], method: str) -> np.ndarray:
    """(size, size) the map of the first face."""
    result = predict(model, *faces, grad=EXPLAINERS[method].grad)
    return first_map(result, method).resized(model.spec.size, model.spec.size)


def alike(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation; 0 where one of the two is flat."""
    if not (np.ptp(first) and np.ptp(second)):
        return 0.0
    return float(spearmanr(first.ravel(), second.ravel()).statistic)


def sanity_records(
    model: FaceModel, faces: Sequence[FaceBatch], other: FaceBatch | None, methods: Sequence[str]
) -> list[dict[str, Any]]:
    """A record a method: how alike its map stays when the weights are randomised, the partner is another, asked again.

    Args:
        faces: a pair, or one face.
        other: who takes the second face's place; None where there is no second one.
    """
    own = {m: map_of(model, faces, m) for m in methods}
    twins = {share: shuffled(model, share) for share in DEPTHS}
    return [
        {
            "method": m,
            "randomised": {str(s): round(alike(own[m], map_of(twin, faces, m)), 4) for s, twin in twins.items()},
            **({"partner": round(alike(own[m], map_of(model, (faces[0], other), m)), 4)} if other else {}),
            "again": float(np.abs(own[m] - map_of(model, faces, m)).max()),
        }
        for m in methods
    ]
