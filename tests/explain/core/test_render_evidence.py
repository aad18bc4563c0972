"""Pictures of attention, links and shares: the marked patch, true squares, one scale, lines where the links are."""

from __future__ import annotations

import numpy as np
import pytest

from explain.core import render, render_evidence
from explain.core.findings import Links
from explain.core.render_evidence import GAP, SIDE
from explain.core.shares import Shares
from tests.explain.core.test_render import assert_readable

CROP = np.full((128, 128, 3), 120, np.uint8)


def test_the_patch_is_marked_where_it_lies() -> None:
    plain = render_evidence.patch_picture(CROP, (8, 4), None)
    marked = render_evidence.patch_picture(CROP, (8, 4), (2, 3))
    assert marked.shape == (SIDE, SIDE, 3) and marked.dtype == np.uint8
    rows, columns = np.nonzero((plain != marked).any(2))
    assert rows.min() >= 2 * SIDE // 8 - 4 and rows.max() <= 3 * SIDE // 8 + 4
    assert columns.min() >= 3 * SIDE // 4 - 4
    assert (plain[SIDE // 8 - 2 : SIDE // 8 + 2, 5] != 120).any() and (plain[20, 20] == 120).all()  # lines, and between


def test_attention_is_drawn_in_squares_on_one_scale() -> None:
    values = np.array([[0.4, 0.1], [0.3, 0.2]], np.float32)
    picture = render_evidence.attention_picture(CROP, values, (2, 2), None, opacity=1.0, limit=0.4)
    half = SIDE // 2
    for i, j in np.ndindex(2, 2):
        square = picture[i * half + 3 : (i + 1) * half - 3, j * half + 3 : (j + 1) * half - 3]
        wanted = render.colours(values[i, j], 0.4, signed=False).round()
        assert (square == wanted).all()
    flat = render_evidence.attention_picture(CROP, values * 0 + 0.25, (1, 1), None, opacity=0.5, limit=0.25)
    assert flat.std((0, 1)).max() == 0


def links(face: int = 0) -> Links:
    weights = np.full((4, 4), 0.1, np.float32)
    weights[np.arange(4), [0, 1, 2, 0]] = 0.7
    weights[3, 0], weights[3, 1:] = 0.85, 0.05
    return Links(weights, (2, 2), (2, 2), face, "relation.cross_attn", "c")  # type: ignore[arg-type]


def test_links_are_lines_between_the_faces() -> None:
    none = render_evidence.links_picture(CROP, CROP, links(), 0)
    one = render_evidence.links_picture(CROP, CROP, links(), 1)  # from (1, 1) on a to (0, 0) on b
    assert one.shape == (SIDE, 2 * SIDE + GAP, 3)
    rows, columns = np.nonzero((none != one).any(2))
    quarter = SIDE // 4
    assert columns.min() >= 3 * quarter - 8 and columns.max() <= SIDE + GAP + quarter + 8
    assert rows.min() >= quarter - 8 and rows.max() <= 3 * quarter + 8
    back = render_evidence.links_picture(CROP, CROP, links(1), 1)  # from (1, 1) on b to (0, 0) on a
    columns = np.nonzero((none != back).any(2))[1]
    assert columns.min() < quarter + 8 and columns.max() > SIDE + GAP + 3 * quarter - 8
    assert (render_evidence.links_picture(CROP, CROP, links(), 4) != none).sum() > (one != none).sum()


@pytest.mark.parametrize("sign", [1, -1])
def test_shares_figure(sign: int) -> None:
    orders = sign * np.array([[2.0, -1.0], [3.0, -1.0]], np.float32)
    figure = render_evidence.shares_figure(Shares(("x", "y"), orders, (sign * 1.0, sign * 2.0), "log-odds", "c"))
    assert_readable(figure)
    bars = figure.data[0]
    assert list(bars.x) == pytest.approx([sign * 2.5, -sign, sign * 1.5]) and bars.y[0] == "x"
    colours = list(bars.marker.color)
    assert colours[0] != colours[1]
    low, high = figure.layout.xaxis.range
    assert low < min(bars.x) and max(bars.x) < high
