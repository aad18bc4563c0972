"""The inpainting game, played with donor swaps: does a map find the one part in which two faces differ?

Williford, May and Byrne, "Explainable Face Recognition", ECCV 2020. There one part of a subject's photos was repainted:
the twin. Those images cannot be had, so here the part comes from another person, both faces aligned, its edge blended:
a donor swap. For a probe, a mate (another photo of the same person or of kin) and the mate's twin, the map explains the
similarity of probe and mate. Its pixels are replaced by the probe's twin's, those with the most mass first; a map that
knows where the similarity comes from flips the probe to the twin while it has touched little outside the part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from explain.core.findings import Heatmap
from models.faces.face import FaceBatch
from models.faces.regions import REGIONS, region_masks
from models.pair import PairModel

LEVELS = 101
"""Shares of a map's mass that are replaced: 0 to 100 % in steps of 1."""
FPRS = (0.01, 0.05)
"""Shares of the pixels outside the part at which flips are counted."""


def swapped(face: FaceBatch, donor: FaceBatch, part: np.ndarray) -> FaceBatch:
    """A face with one part of another person's, (size, size) bool, blended over about a fortieth of the crop."""
    size = part.shape[0]
    alpha = torch.from_numpy(part.astype(np.float32))[None, None].to(face.image)
    kernel = 2 * (size // 20) + 1
    alpha = gaussian_blur(alpha, [kernel, kernel], [size / 40, size / 40])
    return face.with_image(alpha * donor.image + (1 - alpha) * face.image)


def cosines(model: PairModel, images: Tensor, keypoints: Tensor, others: Tensor) -> np.ndarray:
    """(V, 3, H, W) faces of the same keypoints against (O, D) embeddings: (V, O)."""
    found = []
    for chunk in images.split(16):
        code = model.encode(chunk, keypoints.expand(len(chunk), -1, -1))
        found.append(model.embedding(code) @ others.T)
    return torch.cat(found).cpu().numpy()


@torch.no_grad()
def play(
    model: PairModel, faces: Sequence[FaceBatch], donor: FaceBatch, maps: Mapping[str, Heatmap]
) -> list[dict[str, Any]]:
    """All parts of one probe and mate.

    Args:
        faces: probe and mate.
        donor: another person's face.
        maps: method -> the map of the probe.

    Returns:
        A record a part that counts (the network tells probe and twin apart by it) and method: part, method, and
        whether the probe is with the twin at the last level within each of FPRS.
    """
    probe, mate = faces
    regions = region_masks(probe.keypoints[0].cpu().numpy(), model.spec.size)
    records: list[dict[str, Any]] = []
    for part in REGIONS:
        twin = swapped(probe, donor, regions[part])
        mates = [mate, swapped(mate, donor, region_masks(mate.keypoints[0].cpu().numpy(), model.spec.size)[part])]
        others = torch.cat([model.embedding(model.encode(f.image, f.keypoints)) for f in mates])
        ends = cosines(model, torch.cat([probe.image, twin.image]), probe.keypoints, others)
        if not (ends[0, 0] > ends[0, 1] and ends[1, 1] > ends[1, 0]):
            continue
        for method, heatmap in maps.items():
            replaced = within(heatmap.resized(*regions[part].shape), regions[part])
            mask = torch.from_numpy(replaced)[:, None].to(probe.image.device)
            near = cosines(model, torch.where(mask, twin.image, probe.image), probe.keypoints, others)
            flips = (near[:, 1] > near[:, 0]).tolist()
            records.append({"part": part, "method": method, "flips": dict(zip(map(str, FPRS), flips, strict=True))})
    return records


def within(values: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Which pixels are replaced at the last level whose false positive rate is within each of FPRS.

    The mass is what of the map lies above zero; a level's pixels are the fewest that hold its share of it. The false
    positive rate is the share of the pixels outside the part that are replaced.

    Args:
        values: (H, W) the map.
        part: (H, W) bool.

    Returns:
        (len(FPRS), H, W) bool.
    """
    mass = np.maximum(values, 0).ravel()
    order = np.argsort(-mass, kind="stable")
    held = np.concatenate([[0], mass[order].cumsum()])
    shares = np.linspace(0, 1, LEVELS) * held[-1]
    counts = np.searchsorted(held, shares * (1 - 1e-9))  # the fewest pixels that hold each share
    outside = np.cumsum(np.concatenate([[0], ~part.ravel()[order]])) / max(1, int((~part).sum()))
    rank = np.empty(mass.size, int)
    rank[order] = np.arange(mass.size)
    last = np.array([counts[outside[counts] <= fpr + 1e-12].max() for fpr in FPRS])
    replaced: np.ndarray = rank.reshape(part.shape)[None] < last[:, None, None]
    return replaced


def flip_rates(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Method -> "0.01" and "0.05" -> share of probes that had flipped by that false positive rate, mean over parts."""
    found: dict[str, dict[str, float]] = {}
    for method in dict.fromkeys(r["method"] for r in records):
        own = [r for r in records if r["method"] == method]
        found[method] = {
            str(fpr): float(np.mean([np.mean([r["flips"][str(fpr)] for r in own if r["part"] == p]) for p in parts]))
            for fpr in FPRS
            if (parts := sorted({r["part"] for r in own}))
        }
    return found
