"""Overlap and rank correlation of part maps at values known by hand, and on a network that follows what is hidden."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from models.faces.align import PARTIAL_160
from models.faces.partial_crops import FILL
from models.nets.partial_face import PartialFace, PartialFaceConfig, Parts
from training.data.crops import Crops
from training.evaluate.part_maps import (
    Followed,
    correlations,
    drawn_boxes,
    overlaps,
    part_maps,
    spearman,
    visible_mass,
)


def crops(count: int = 24) -> Crops:
    rng = np.random.default_rng(0)
    image = rng.integers(160, 256, (count, 160, 160, 3), dtype=np.uint8)
    points = np.tile((PARTIAL_160.points() / 160).astype(np.float32), (count, 1, 1))
    return Crops(tuple(map(str, range(count))), image, points, np.ones(count, bool))


class Quarters(PartialFace):
    """Four maps, each of one quarter of the face; its importance follows how much is seen there, times a sign."""

    def __init__(self, sign: float = 1.0, recalibrate: bool = True) -> None:
        super().__init__(PartialFaceConfig(4, (1, 1, 1), 8, parts=4, recalibrate=recalibrate))
        self.sign = sign

    def parts(self, image: torch.Tensor) -> Parts:
        grey = ((image - FILL / 255).abs() > 1e-3).any(1, keepdim=True).float()
        shown = torch.nn.functional.adaptive_avg_pool2d(grey, 2).flatten(1)  # (B, 4)
        attention = torch.zeros(len(image), 4, 20, 20)
        for k in range(4):
            attention[:, k, 10 * (k // 2) : 10 * (k // 2) + 10, 10 * (k % 2) : 10 * (k % 2) + 10] = 20
        return Parts(attention, (self.sign * shown).softmax(1), torch.zeros(len(image), 4, 8))


def test_overlap_by_hand() -> None:
    flat = torch.zeros(1, 3, 4, 4)
    assert float(overlaps(flat)) == pytest.approx(1)
    apart = torch.zeros(1, 3, 4, 4)
    for k in range(3):
        apart[0, k, k] = 50.0
    assert float(overlaps(apart)) == pytest.approx(0, abs=1e-6)
    two = torch.tensor([[[[math.log(3.0), 0.0]], [[0.0, 0.0]]]])  # P = (3/4, 1/4) and (1/2, 1/2)
    assert float(overlaps(two)) == pytest.approx(0.75)


def test_mass_on_visible_pixels_by_hand() -> None:
    attention = torch.tensor([[[[math.log(3.0), 0.0]], [[0.0, 0.0]]]])
    shown = torch.zeros(1, 8, 16, dtype=torch.bool)
    shown[:, :, :4] = True  # half of the first place
    torch.testing.assert_close(visible_mass(attention, shown), torch.tensor([[0.375, 0.25]]))


def test_boxes_hide_or_keep() -> None:
    shown = drawn_boxes(200, np.random.default_rng(0)).mean((1, 2))
    assert 0.08 < shown.min() < 0.12 and 0.6 < shown.max() < 0.75


def test_a_network_that_follows_and_one_that_does_the_opposite() -> None:
    report = part_maps(Quarters().eval(), crops(), count=16)
    assert report["faces"] == 16 and report["overlap"] == pytest.approx(0, abs=1e-5)
    for kind in ("cropped", "occluded"):
        assert report[kind]["within_face"] > 0.95 and report[kind]["rank_correlation"] > 0.5
        low, high = report[kind]["rank_correlation_ci95"]
        assert low <= report[kind]["rank_correlation"] <= high
    assert part_maps(Quarters(-1.0).eval(), crops(), count=16)["occluded"]["within_face"] < -0.95


def test_without_recalibration_there_is_nothing_to_correlate() -> None:
    report = part_maps(Quarters(recalibrate=False).eval(), crops(4))
    assert "cropped" not in report and len(report["overlap_ci95"]) == 2


def test_one_map_is_refused() -> None:
    with pytest.raises(ValueError, match="two part maps"):
        part_maps(PartialFace(PartialFaceConfig(4, (1, 1, 1), 8, parts=1)), crops(4))


def test_faces_without_a_correlation_of_their_own_are_left_out() -> None:
    mass = np.array([[0.1, 0.2, 0.3], [0.1, 0.1, 0.1], [0.3, 0.2, 0.1]])
    change = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    found = correlations(Followed(mass, change), ["a", "b", "c"])
    assert found["within_face"] == pytest.approx(0)


def test_spearman_with_ties_is_scipys() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, 40), rng.normal(size=40)
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert math.isnan(spearman(np.ones(5), y[:5]))
