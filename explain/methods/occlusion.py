"""Occlusion sensitivity: cover a patch, see how the answer changes (Zeiler and Fergus, ECCV 2014).

One face is covered at a time and encoded again; the other face's code is computed once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from explain.core.covering import chosen, covered_answers
from explain.core.findings import Heatmap, RegionDrops
from models.faces.regions import REGIONS, region_masks
from models.outputs import ClassOutput
from models.predict import Result

CAPTION = (
    "How much the answer falls when a patch is covered, mean over the patches that cover a place: above zero the "
    "place holds it up, below zero it holds it down. A covered face is unusual input, and places that act together "
    "can hide each other."
)


GRIDS = {True: (4, 7), False: (5, 9)}
"""Answer of classes, or one that compares faces -> the side of the crop over the patch's, and patches a side.

Both lie half a patch apart. Larger patches take fewer answers. As good as finer ones, as far as intervals tell:
benchmarks/results/patch_choices.json.
"""


def occlusion_maps(
    result: Result,
    *,
    target: str | None = None,
    patch: int | None = None,
    stride: int | None = None,
    fill: str = "blur",
    faces: Sequence[int] | None = None,
) -> tuple[Heatmap, ...]:
    """Occlusion maps of every face at the resolution of the crop.

    Args:
        result: from predict; no graph needed.
        target: a scalar of the answer; by default result.explained.
        patch: side of the covered square in pixels of the crop; by default as GRIDS says.
        stride: distance between patches in pixels; by default as GRIDS says.
        fill: a name of explain.core.fill.FILLS.
        faces: indices of the faces to explain; all by default.

    Returns:
        A signed map a face: baseline minus the answer with the place covered.

    Raises:
        ValueError: a patch that does not fit the crop, a stride below 1 or above the patch, an unknown fill or target.
    """
    size, target = result.model.spec.size, target or result.explained
    own = sides_of(result)
    patch = own[0] if patch is None else patch
    stride = max(1, min(own[1], patch)) if stride is None else stride
    masks = patch_masks(size, patch, stride)
    baseline = result.scalar(target)
    caption = f"{CAPTION} Patch {patch} px, stride {stride} px of {size}; fill: {fill}."
    return tuple(
        Heatmap(
            mean_over_patches(baseline - covered_answers(result, face, masks, fill=fill, target=target), masks),
            face,
            "occlusion",
            signed=True,
            unit=f"{target} lost",
            caption=caption,
            floor=1e-3,  # a cosine, log-odds or logit that moves by less has not moved
        )
        for face in chosen(result, faces)
    )


def sides_of(result: Result) -> tuple[int, int]:
    """Side of a patch and stride in pixels of the crop, as GRIDS says."""
    return sides(result.model.spec.size, *GRIDS[isinstance(result.output, ClassOutput)])


def sides(size: int, parts: int, count: int) -> tuple[int, int]:
    """Side of a patch, a part of the crop's, and the stride at which `count` of them reach from border to border."""
    patch = max(1, size // parts)
    return patch, max(1, math.ceil((size - patch) / (count - 1)))


def patch_masks(size: int, patch: int, stride: int) -> Tensor:
    """(V, size, size) bool: squares from border to border, evenly spaced, at most `stride` apart.

    Raises:
        ValueError: a patch that does not fit, or a stride that leaves pixels uncovered.
    """
    if not 1 <= patch <= size:
        raise ValueError(f"patch must be from 1 to {size} pixels, got {patch}")
    if not 1 <= stride <= patch:
        raise ValueError(f"stride must be from 1 to the patch ({patch}) so that every pixel is covered, got {stride}")
    starts = torch.linspace(0, size - patch, math.ceil((size - patch) / stride) + 1).round()
    inside = (torch.arange(size) >= starts[:, None]) & (torch.arange(size) < starts[:, None] + patch)  # (S, size)
    return (inside[:, None, :, None] & inside[None, :, None, :]).flatten(0, 1)


def mean_over_patches(values: Tensor, masks: Tensor) -> np.ndarray:
    """(V,) values of patches -> (H, W) float32: at each pixel, the mean over the patches that cover it."""
    weights = masks.float()
    total = torch.einsum("v,vhw->hw", values.float(), weights)
    mean: np.ndarray = (total / weights.sum(0)).numpy()
    return mean


def occlude_regions(result: Result, *, fill: str = "blur", watched: str | None = None) -> tuple[RegionDrops, ...]:
    """What each region of the face (models/faces/regions.py) is worth to the answer: covered whole, one at a time.

    Args:
        result: from predict; no graph needed.
        fill: a name of explain.core.fill.FILLS.
        watched: the scalar of the answer that may drop, by default result.watched, a probability.

    Returns:
        Its drops, a finding a face.

    Raises:
        ValueError: an unknown fill or scalar.
    """
    return tuple(_region_drops(result, face, fill, watched or result.watched) for face in range(len(result.faces)))


def _region_drops(result: Result, face: int, fill: str, watched: str) -> RegionDrops:
    own = result.faces[face]
    regions = region_masks(own.keypoints[0].detach().cpu().numpy(), own.image.shape[-1])
    masks = torch.from_numpy(np.stack([regions[r] for r in REGIONS]))
    whole, left = result.scalar(watched), covered_answers(result, face, masks, fill=fill, target=watched).numpy()
    return RegionDrops(REGIONS, (whole - left).astype(np.float32), face, fill, whole, watched)
