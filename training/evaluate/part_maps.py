"""What the part maps of the attention network do: do they look at different places, do hidden parts lose weight?

Overlap. P_k is the softmax over places of the attention A_k before its sigmoid, as in L_wDIV (training/
partial_losses.py). The overlap of two maps is sum_ij min(P_k[ij], P_l[ij]): 1 for equal maps, 0 where they share no
place. A face's overlap is the mean over its K (K - 1) / 2 pairs of maps.

Rank correlation. A face is seen whole and then partial: "cropped" to a box of the protocol, or "occluded" by it, part
and size drawn by the seed. For map k

    v_k = sum_ij P_k[ij] o[ij]        P_k of the whole face; o: fraction of the place that is still visible
    r_k = s_k(partial) / s_k(whole)

Spearman's correlation of v and r over all faces and maps; "within_face": over the K maps of a face, mean over faces
(s sums to 1, so a map can only gain what others lose: between faces r need not follow v).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import Tensor
from tqdm import tqdm

from models.faces.partial_crops import FACTORS, FILL, LANDMARKS, box_around, keep_box
from models.nets.partial_face import PartialFace, Parts
from models.pair import PairModel
from training.data.crops import Crops
from training.evaluate.metrics import bootstrap_ci

FACES = 1000
BATCH = 32
HIDING = ("cropped", "occluded")
ROUNDS = 500


@dataclass(frozen=True)
class Followed:
    """How N faces' maps followed what was hidden.

    Attributes:
        mass: v, (N, K).  change: r, (N, K).
    """

    mass: np.ndarray
    change: np.ndarray


def part_maps(model: PairModel, crops: Crops, count: int = FACES, seed: int = 0) -> dict[str, Any]:
    """Both statistics over `count` faces, evenly spaced in the crops, with 95 % bootstrap intervals over faces.

    The correlation is left out where every importance is 1/K by construction.

    Raises:
        ValueError: a network without part maps, or with one only.
    """
    model = with_maps(model)
    rows = np.linspace(0, len(crops) - 1, min(count, len(crops))).round().astype(int)
    overlap, followed = measure(model, crops, rows, np.random.default_rng(seed))
    faces = list(map(str, rows))
    report = {
        "faces": len(rows),
        "overlap": float(overlap.mean()),
        "overlap_ci95": bootstrap_ci(lambda r: float(overlap[r].mean()), faces, ROUNDS),
        "intervals": f"bootstrap over faces; parts and sizes by seed {seed}",
    }
    if model.attend.recalibrate:
        report |= {kind: correlations(values, faces) for kind, values in followed.items()}
    return report


def with_maps(model: PairModel) -> PartialFace:
    """The same network.

    Raises:
        ValueError: it has no part maps, or one only.
    """
    if not isinstance(model, PartialFace) or len(model.aggregate) < 2:
        raise ValueError("--maps is about networks with two part maps or more")
    return model


@torch.inference_mode()
def measure(
    model: PartialFace, crops: Crops, rows: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, Followed]]:
    """(N,) overlap of the whole faces, and how the maps followed each way of HIDING."""
    overlap, found = [], {kind: ([], []) for kind in HIDING}  # type: ignore[var-annotated]
    for start in tqdm(range(0, len(rows), BATCH), desc="part maps", unit="batch"):
        faces = np.asarray(crops.image[rows[start : start + BATCH]])
        whole = parts_of(model, faces)
        overlap.append(overlaps(whole.attention).cpu().numpy())
        kept = drawn_boxes(len(faces), rng)
        for kind in HIDING:
            shown = kept if kind == "cropped" else ~kept
            partial = parts_of(model, np.where(shown[..., None], faces, np.uint8(FILL)))
            found[kind][0].append(visible_mass(whole.attention.cpu(), torch.from_numpy(shown)).numpy())
            found[kind][1].append((partial.weights / whole.weights).cpu().numpy())
    followed = {kind: Followed(np.concatenate(mass), np.concatenate(r)) for kind, (mass, r) in found.items()}
    return np.concatenate(overlap), followed


def parts_of(model: PartialFace, faces: np.ndarray) -> Parts:
    """(B, 160, 160, 3) uint8 -> Parts."""
    image = torch.from_numpy(np.ascontiguousarray(faces)).permute(0, 3, 1, 2).float() / 255
    return model.parts(image.to(next(model.parameters()).device))


def drawn_boxes(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 160, 160) bool, True in a box of the protocol: one landmark and one size a face."""
    marks = list(LANDMARKS.values())
    whole = np.ones((160, 160, 1), np.uint8)
    drawn = [box_around(marks[rng.integers(len(marks))], rng.choice(FACTORS)) for _ in range(count)]
    return np.stack([keep_box(whole, box)[..., 0] == 1 for box in drawn])


def overlaps(attention: Tensor) -> Tensor:
    """A (B, K, h, w) -> (B,) mean over pairs of maps of sum min(P_k, P_l)."""
    over_places = attention.float().flatten(2).softmax(2)  # P: (B, K, h*w)
    k, other = torch.triu_indices(attention.shape[1], attention.shape[1], 1)
    return torch.minimum(over_places[:, k], over_places[:, other]).sum(2).mean(1)


def visible_mass(attention: Tensor, shown: Tensor) -> Tensor:
    """A (B, K, h, w) of the whole faces and (B, H, W) bool -> v (B, K), each in [0, 1]."""
    over_places = attention.float().flatten(2).softmax(2)
    places = attention.shape[2], attention.shape[3]
    share = F.adaptive_avg_pool2d(shown.float()[:, None], places).flatten(2)  # o: (B, 1, h*w)
    return (over_places * share).sum(2)


def correlations(followed: Followed, faces: list[str]) -> dict[str, Any]:
    """Both correlations with their intervals.

    A face in which all v or all r are equal has no correlation of its own and is left out of the mean.
    """
    within = np.array([spearman(v, r) for v, r in zip(followed.mass, followed.change, strict=True)])

    def pooled(rows: np.ndarray) -> float:
        return spearman(followed.mass[rows].ravel(), followed.change[rows].ravel())

    def mean(rows: np.ndarray) -> float:
        known = within[rows][~np.isnan(within[rows])]
        if not len(known):
            raise ValueError("no face has a correlation of its own")
        return float(known.mean())

    every = np.arange(len(faces))
    return {
        "rank_correlation": pooled(every),
        "rank_correlation_ci95": bootstrap_ci(pooled, faces, ROUNDS),
        "within_face": mean(every),
        "within_face_ci95": bootstrap_ci(mean, faces, ROUNDS),
    }


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation of two vectors, ties at their mean rank; NaN where one of them is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
