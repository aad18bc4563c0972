"""Pictures: shapes, one scale for all, flat maps that look flat, and nothing drawn where nothing is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from explain.core import render
from explain.core.findings import Curve, Heatmap, RegionDrops
from models.faces.align import ARCFACE_112
from models.faces.face import Face

GREY = np.full((40, 50, 3), 120, np.uint8)


def heatmap(values: Any, signed: bool = False, **changes: Any) -> Heatmap:
    return Heatmap(np.asarray(values, np.float32), 0, "m", signed, "similarity lost", "c", **changes)


def face(height: int = 200, width: int = 300, left: float = 60.0) -> Face:
    keypoints = (ARCFACE_112.points() + np.array([left, 40])).astype(np.float32)
    box = np.array([left, 40, left + 111, 151], np.float32)
    return Face(np.full((height, width, 3), 120, np.uint8), keypoints, box, 0.99)


def test_the_limit_is_shared_and_has_a_floor() -> None:
    small, large = heatmap(np.full((2, 2), 0.25)), heatmap([[-2.0, 1.0]], signed=True)
    assert render.shared_limit([small]) == 0.25
    assert render.shared_limit([small, large]) == 2.0
    assert render.shared_limit([heatmap(np.zeros((2, 2)))]) > 0
    assert render.shared_limit([heatmap(np.full((2, 2), 1e-5), floor=1e-3)]) == pytest.approx(1e-3)
    with pytest.raises(ValueError, match="at least one"):
        render.shared_limit([])


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_flat_map_looks_flat(signed: bool, level: float) -> None:
    noise = np.random.default_rng(0).uniform(0, 1e-8, (8, 8))
    flat = heatmap(np.full((8, 8), level) + noise, signed)
    picture = render.overlay(GREY, flat, opacity=0.6, limit=render.shared_limit([flat]))
    assert picture.std((0, 1)).max() < 1  # of 255
    peak = heatmap(np.eye(8), signed)
    assert render.overlay(GREY, peak, opacity=0.6, limit=1.0).std((0, 1)).max() > 5


def test_occlusion_noise_looks_flat() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-6, (8, 8))
    flat = heatmap(noise, signed=True, floor=1e-3)
    assert render.overlay(GREY, flat, opacity=0.6, limit=render.shared_limit([flat])).std((0, 1)).max() < 0.5


def test_the_same_value_has_the_same_colour_on_both_faces() -> None:
    one, two = heatmap(np.full((3, 3), 0.4)), heatmap(np.full((5, 5), 0.8))
    limit = render.shared_limit([one, two])
    low, high = (render.overlay(GREY, h, opacity=1.0, limit=limit)[0, 0] for h in (one, two))
    assert (high == np.round(render.AMOUNTS[-1])).all()
    assert (low == np.round(render.AMOUNTS[128])).all()


def test_amounts_grow_lighter_and_signs_differ() -> None:
    lightness = render.colours(np.linspace(0, 1, 64), 1.0, signed=False) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) >= 0).all() and lightness[-1] - lightness[0] > 100
    below, zero, above = render.colours(np.array([-1.0, 0.0, 1.0]), 1.0, signed=True)
    assert below[2] > below[0] and above[0] > above[2]
    assert zero.min() > 240
    assert (render.colours(np.array([5.0]), 1.0, signed=True) == above).all()  # beyond the limit: its end


@pytest.mark.parametrize("signed", [False, True])
def test_stops_are_the_scale_from_end_to_end(signed: bool) -> None:
    found, table = render.stops(signed=signed, number=5), render.SIGNED if signed else render.AMOUNTS
    assert len(found) == 5
    for stop, row in ((found[0], table[0]), (found[2], table[128]), (found[-1], table[-1])):
        assert [int(stop[i : i + 2], 16) for i in (1, 3, 5)] == np.round(row).astype(int).tolist()


def test_overlay_has_the_pictures_size_and_opacity() -> None:
    spot = heatmap(np.eye(4))
    picture = render.overlay(GREY, spot, opacity=0.5, limit=1.0)
    assert picture.shape == GREY.shape and picture.dtype == np.uint8
    assert np.array_equal(render.overlay(GREY, spot, opacity=0.0, limit=1.0), GREY)
    solid = render.overlay(GREY, spot, opacity=1.0, limit=1.0).astype(int)
    assert np.abs(picture - (solid + GREY) / 2).max() <= 1
    with pytest.raises(ValueError, match="opacity"):
        render.overlay(GREY, spot, opacity=1.5, limit=1.0)


def test_on_photo_leaves_the_rest_of_the_photo_alone() -> None:
    one = face()
    picture = render.on_photo(one, ARCFACE_112, heatmap(np.ones((7, 7))), opacity=0.5, limit=1.0)
    assert picture.shape == one.photo.shape and picture.dtype == np.uint8
    changed = (picture != one.photo).any(2)
    assert changed[50:140, 70:160].all()
    assert (
        not changed[:38].any() and not changed[:, :58].any() and not changed[154:].any() and not changed[:, 174:].any()
    )


@pytest.mark.parametrize(("signed", "limit"), [(False, 0.0123), (True, 4.5), (False, 1e-6)])
def test_colour_bar(signed: bool, limit: float) -> None:
    bar = render.colour_bar(limit, signed=signed, unit="similarity lost")
    assert bar.shape == (72, 420, 3) and bar.dtype == np.uint8
    ramp = bar[36, 40:380]
    table = render.SIGNED if signed else render.AMOUNTS
    assert np.abs(ramp[0] - table[0]).max() < 3 and np.abs(ramp[-1] - table[-1]).max() < 3
    numbers = bar[50:68]
    for left, right in ((0, 90), (160, 260), (330, 420)):  # low end, middle, high end
        assert (numbers[:, left:right] < 100).any()
    assert not np.array_equal(bar, render.colour_bar(limit * 2, signed=signed, unit="similarity lost"))


def test_faces_are_boxed_and_the_chosen_one_has_keypoints() -> None:
    photo, faces = face(left=20).photo, [face(left=20), face(left=170)]
    first, second = (render.draw_faces(photo, faces, chosen=i) for i in (0, 1))
    assert first.shape == photo.shape and first.dtype == np.uint8
    assert (photo == 120).all()  # the photo itself is left alone
    x, y = faces[0].keypoints[2].astype(int)
    assert (first[y, x] != 120).any()
    assert (second[y, x] == 120).all()
    assert (first[151, 200] != 120).any() and (second[151, 200] != 120).any()  # both boxes in both pictures
    assert not np.array_equal(first[151, 200], second[151, 200])  # the chosen one in another colour
    assert np.array_equal(render.draw_faces(photo, [], 0), photo)
    with pytest.raises(ValueError, match="chosen"):
        render.draw_faces(photo, faces, 2)


@pytest.mark.parametrize("size", [(16, 16), (20, 400), (1500, 900)])
def test_faces_are_drawn_on_photos_of_any_size(size: tuple[int, int]) -> None:
    one = face(*size, left=-30.0)
    assert render.draw_faces(one.photo, [one], 0).shape == (*size, 3)


def assert_readable(figure: go.Figure) -> None:
    assert isinstance(figure, go.Figure)
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert contrast(figure.layout.font.color, "#ffffff") > 4
    assert contrast(figure.layout.font.color, "#0b0f19") > 4


def contrast(one: str, two: str) -> float:
    """WCAG 2.1 contrast ratio of two #rrggbb colours."""
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def test_curve_figure() -> None:
    x = np.linspace(0, 1, 5, dtype=np.float32)
    figure = render.curve_figure(Curve(x, 1 - x, x, x * 0, x * 0 + 1, "blur", 1, "grad_cam", "score"))
    assert_readable(figure)
    assert len(figure.data) == 4
    assert list(figure.data[0].y) == pytest.approx(list(1 - x))
    assert "0.500" in figure.data[0].name
    assert "blur" in figure.layout.title.text


def test_region_figure() -> None:
    drops = [RegionDrops(("eyes", "nose"), np.array([0.5, -0.1], np.float32), f, "grey", 0.8) for f in (0, 1)]
    figure = render.region_figure(*drops)
    assert_readable(figure)
    assert [bar.name for bar in figure.data] == ["face A", "face B"]
    assert list(figure.data[1].y) == pytest.approx([0.5, -0.1])
    assert "0.800" in figure.layout.yaxis.title.text
