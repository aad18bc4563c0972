"""Gates are drawn on 0 to 1, flat ones flat; bars and violins carry the very numbers."""

from __future__ import annotations

import numpy as np
import pytest

from explain.attention.gates import Gates
from explain.attention.region_mass import attention_mass
from explain.attention.render import SIDE, channel_figure, gate_picture, mass_figure, short
from explain.core.render import AMOUNTS
from tests.explain.attention.test_region_mass import POINTS, heat

CROP = np.random.default_rng(0).integers(0, 255, (112, 112, 3), np.uint8)


def gates(value: float, name: str = "stage2.block1") -> Gates:
    return Gates(np.full(4, value, np.float32), None, 0, name)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_flat_gate_has_one_colour_that_tells_its_value(value: float):
    picture = gate_picture(CROP, np.full((7, 7), value, np.float32), opacity=1)
    assert picture.shape == (SIDE, SIDE, 3)
    assert (picture == AMOUNTS[round(value * 255)].round().astype(np.uint8)).all()


def test_a_weak_pattern_is_not_stretched_and_squares_stay_squares():
    spatial = np.full((7, 7), 0.50, np.float32)
    spatial[2, 3] = 0.52
    picture = gate_picture(CROP, spatial, opacity=1).astype(int)
    step = SIDE // 7
    inside = picture[2 * step : 3 * step, 3 * step : 4 * step]
    assert (inside == inside[0, 0]).all() and 0 < np.abs(inside[0, 0] - picture[0, 0]).max() < 20


def test_on_its_own_range_a_weak_pattern_takes_the_whole_scale():
    spatial = np.full((7, 7), 0.50, np.float32)
    spatial[2, 3] = 0.52
    picture = gate_picture(CROP, spatial, opacity=1, span=(0.50, 0.52))
    step = SIDE // 7
    assert (picture[0, 0] == AMOUNTS[0].round().astype(np.uint8)).all()
    assert (picture[2 * step, 3 * step] == AMOUNTS[255].round().astype(np.uint8)).all()


def test_at_no_opacity_the_crop_is_seen():
    dark, light = (gate_picture(CROP, np.full((7, 7), v, np.float32), opacity=0) for v in (0.1, 0.9))
    assert (dark == light).all() and dark.std() > 10


def test_violins_hold_every_channel_of_arms_that_have_gates():
    figure = channel_figure({"no gate": (), "SE": (gates(0.2), gates(0.7, "stage3.block0")), "CBAM": (gates(0.4),)})
    assert [t.name for t in figure.data] == ["SE", "CBAM"]
    assert list(figure.data[0].y) == pytest.approx([0.2] * 4 + [0.7] * 4)
    assert list(figure.data[0].x) == ["2.1"] * 4 + ["3.0"] * 4
    assert tuple(figure.layout.yaxis.range) == (0, 1)
    assert channel_figure({"SE": (gates(0.2),)}, own=True).layout.yaxis.range is None
    assert figure.data[0].line.color != figure.data[1].line.color


def test_bars_are_the_shares_beside_those_of_a_flat_map():
    values = np.zeros((112, 112))
    values[40:60] = 1
    mass = attention_mass(heat(values), POINTS, 112)
    figure = mass_figure({"no gate": mass, "CBAM": mass})
    bars, flat = figure.data[:2], figure.data[2]
    assert [b.name for b in bars] == ["no gate", "CBAM"]
    assert list(bars[0].y) == pytest.approx(100 * mass.share)
    assert list(flat.y) == pytest.approx(100 * mass.area)
    assert list(bars[0].x) == list(mass.regions)


def test_short_names():
    assert short("stage4.block1") == "4.1"
