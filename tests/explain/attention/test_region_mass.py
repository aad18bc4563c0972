"""Mass by region: planted maps, flat maps, empty maps."""

from __future__ import annotations

import numpy as np
import pytest

from explain.attention.region_mass import PARTS, RegionMass, attention_mass
from explain.core.findings import Heatmap
from models.faces.align import ARCFACE_112
from models.faces.regions import MASS_REGIONS, mass_regions, region_masks

POINTS = ((ARCFACE_112.points() + 0.5) / 112).astype(np.float32)


def heat(values: np.ndarray, signed: bool = False) -> Heatmap:
    return Heatmap(values.astype(np.float32), 0, "grad_cam", signed, "unit", "caption")


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return ((POINTS - 0.5) @ np.array([[c, s], [-s, c]]) + 0.5).astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 25, -40])
def test_the_parts_fill_the_crop_once(degrees: float):
    masks = mass_regions(turned(degrees), 112)
    assert tuple(masks) == MASS_REGIONS
    assert (sum(masks[p].astype(int) for p in PARTS) == 1).all()
    for inner in ("nose", "mouth"):
        assert masks[inner].any() and (masks["mask area"] | ~masks[inner]).all()
        assert (masks[inner] == region_masks(turned(degrees), 112)[inner]).all()


def test_the_mask_area_is_below_the_eyes_and_holds_both_corners_of_the_mouth():
    area = mass_regions(POINTS, 112)["mask area"]
    (left, right, nose, *mouth) = np.rint(ARCFACE_112.points()).astype(int)
    assert all(area[y, x] for x, y in (nose, *mouth))
    assert not any(area[y, x] for x, y in (left, right))
    rows = np.flatnonzero(area.any(1))
    assert rows[0] > left[1] and area[:, 0].sum() < area[:, 56].sum()


def test_a_flat_map_has_every_region_by_its_area():
    mass = attention_mass(heat(np.full((7, 7), 3.0)), POINTS, 112)
    np.testing.assert_allclose(mass.share, mass.area, atol=1e-5)
    np.testing.assert_allclose(mass.area, [m.mean() for m in mass_regions(POINTS, 112).values()], atol=1e-6)
    assert mass.total == pytest.approx(3.0)


@pytest.mark.parametrize("region", ["eyes", "mouth", "nose", "background"])
def test_planted_mass_is_found_where_it_was_planted(region: str):
    planted = mass_regions(POINTS, 112)[region]
    mass = attention_mass(heat(planted * 2.0), POINTS, 112)
    assert mass.of(region) == pytest.approx(1.0)
    outside = [r for r in PARTS if r != region and not (region in ("mouth", "nose") and r == "mask area")]
    assert all(mass.of(r) == 0 for r in outside)


def test_a_coarse_map_is_counted_as_it_is_drawn():
    """Pixel by pixel, by hand, on the stretched map."""
    values = np.random.default_rng(0).random((7, 7))
    drawn, eyes = heat(values).resized(112, 112), mass_regions(POINTS, 112)["eyes"]
    inside = sum(float(drawn[y, x]) for y in range(112) for x in range(112) if eyes[y, x])
    assert attention_mass(heat(values), POINTS, 112).of("eyes") == pytest.approx(inside / drawn.sum(), rel=1e-4)


def test_of_a_signed_map_the_magnitude_counts():
    values = np.random.default_rng(1).standard_normal((112, 112))
    signed, amounts = (attention_mass(heat(v, s), POINTS, 112) for v, s in ((values, True), (np.abs(values), False)))
    np.testing.assert_allclose(signed.share, amounts.share, atol=1e-6)


def test_an_empty_map_has_no_shares():
    mass = attention_mass(heat(np.zeros((7, 7))), POINTS, 112)
    assert mass.total == 0 and not mass.share.any() and mass.area.any()


def test_shares_must_add_up():
    good = attention_mass(heat(np.ones((7, 7))), POINTS, 112)
    with pytest.raises(ValueError, match="add up"):
        RegionMass(good.regions, good.share * 0.9, good.area, 1.0, 0, "grad_cam")
    with pytest.raises(ValueError, match="regions but"):
        RegionMass(good.regions[:-1], good.share, good.area, 1.0, 0, "grad_cam")
