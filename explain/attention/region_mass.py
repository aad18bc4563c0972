"""How a map is spread over the face: the share of its mass in the eyes, nose, mouth, mask area and background.

A flat map has in every region what the region has of the crop: read each share beside that area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explain.core.findings import Heatmap, check, check_array, check_face
from models.faces.regions import MASS_REGIONS, mass_regions

PARTS = ("eyes", "mask area", "forehead", "background")
"""The regions that do not overlap and together are the crop; nose and mouth lie in the mask area."""


@dataclass(frozen=True)
class RegionMass:
    """Shares of a map's mass by region.

    Attributes:
        regions: R names, of models/faces/regions.py MASS_REGIONS.
        share: (R,) float32 in [0, 1]; those of PARTS add up to 1, or all are 0 where the map holds nothing.
        area: (R,) float32 in [0, 1], the share of the crop: what a flat map would have.
        total: mean magnitude of the map over the crop, in the map's unit; 0 where it holds nothing.
        face: index of the face, from 0.
        method: label of the map.

    Raises:
        ValueError: shapes that do not agree, shares outside [0, 1], or parts that do not add up.
    """

    regions: tuple[str, ...]
    share: np.ndarray
    area: np.ndarray
    total: float
    face: int
    method: str

    def __post_init__(self) -> None:
        check_face(self.face)
        for name in ("share", "area"):
            values = getattr(self, name)
            check_array(name, values, 1)
            check(len(values) == len(self.regions), f"{len(self.regions)} regions but {len(values)} of {name}")
            check(bool((values >= 0).all() and (values <= 1 + 1e-5).all()), f"{name} must lie in [0, 1]")
        whole = sum(self.of(r) for r in PARTS)
        check(abs(whole - (1 if self.total > 0 else 0)) < 1e-3, f"the shares of the parts add up to {whole:.4g}")

    def of(self, region: str) -> float:
        """Share of a region."""
        return float(self.share[self.regions.index(region)])


def attention_mass(heatmap: Heatmap, keypoints: np.ndarray, size: int) -> RegionMass:
    """Share of a map's mass in each region; of a signed map the mass is the magnitude.

    Args:
        heatmap: over an aligned crop.
        keypoints: (5, 2) in [0, 1] of that crop, in the order of KEYPOINT_NAMES.
        size: side of the crop in pixels; the map is counted stretched over it, as it is drawn.
    """
    masks = np.stack(list(mass_regions(keypoints, size).values())).reshape(len(MASS_REGIONS), -1)
    mass = np.abs(heatmap.resized(size, size).astype(np.float64)).ravel()
    total = float(mass.sum())
    share = masks @ mass / total if total > 0 else np.zeros(len(masks))
    area = masks.mean(1)
    return RegionMass(
        MASS_REGIONS,
        share.astype(np.float32),
        area.astype(np.float32),
        total / mass.size,
        heatmap.face,
        heatmap.method,
    )
