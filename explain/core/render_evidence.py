"""Pictures of attention, of links between two faces, and of the parts of an answer; colours are render.py's.

Attention is drawn in squares, one a key: its grid is coarse, and smoothing would make up places in between.
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw
from PIL.Image import Resampling

from explain.core.findings import Links
from explain.core.render import BLUE, GREY, ORANGE, blend, colours, styled
from explain.core.shares import Shares

SIDE = 448
"""Side in pixels at which crops are drawn: a multiple of every grid in use."""
GAP = 96
"""Pixels between the two faces of a picture of links."""

Grid = tuple[int, int]


def patch_picture(crop: np.ndarray, grid: Grid, patch: Grid | None) -> np.ndarray:
    """The aligned crop with the grid of patches, and one of them marked.

    Args:
        crop: (H, W, 3) uint8.
        grid: (h, w) of the patches.
        patch: (row, column) of the marked one, None for none.

    Returns:
        (SIDE, SIDE, 3) uint8.
    """
    return _marked(enlarged(crop), grid, patch)


def attention_picture(
    crop: np.ndarray,
    values: np.ndarray,
    grid: Grid,
    patch: Grid | None,
    *,
    opacity: float,
    limit: float,
    signed: bool = False,
) -> np.ndarray:
    """Where a patch looks: amounts over the crop, a square a key, with the patch marked where it lies on this face.

    Args:
        crop: (H, W, 3) uint8.
        values: (h, w) float32 over the key grid, which covers the crop.
        grid, patch: of the queries, as in patch_picture.
        opacity: of the colours, in [0, 1].
        limit: end of the colour scale.
        signed: the scale is [-limit, limit], for offsets; else [0, limit], for attention.

    Returns:
        (SIDE, SIDE, 3) uint8.
    """
    squares = np.asarray(Image.fromarray(values).resize((SIDE, SIDE), Resampling.NEAREST))
    return _marked(blend(enlarged(crop), squares, signed, opacity, limit), grid, patch)


def enlarged(crop: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> (SIDE, SIDE, 3) uint8."""
    return np.asarray(Image.fromarray(crop).resize((SIDE, SIDE), Resampling.BICUBIC))


def _marked(picture: np.ndarray, grid: Grid, patch: Grid | None) -> np.ndarray:
    """Thin lines between patches, and a frame around one, orange on white so that it shows on any colour."""
    lined = picture.astype(np.float32)
    for axis, n in enumerate(grid):
        lines = (np.arange(1, n) * SIDE / n).round().astype(int)
        where = (lines, slice(None)) if axis == 0 else (slice(None), lines)
        lined[where] = lined[where] * 0.75 + 255 * 0.25
    image = Image.fromarray(lined.round().astype(np.uint8))
    if patch is not None:
        top, left, bottom, right = (_edge(grid, patch[0], patch[1], corner) for corner in range(4))
        draw = ImageDraw.Draw(image)
        draw.rectangle((left - 4, top - 4, right + 4, bottom + 4), outline="white", width=6)
        draw.rectangle((left - 2, top - 2, right + 2, bottom + 2), outline=ORANGE, width=3)
    return np.asarray(image)


def _edge(grid: Grid, row: int, column: int, corner: int) -> int:
    """Pixel of the top, left, bottom or right edge of a patch."""
    place, n = ((row, grid[0]), (column, grid[1]), (row + 1, grid[0]), (column + 1, grid[1]))[corner]
    return round(place * SIDE / n)


def links_picture(crop_a: np.ndarray, crop_b: np.ndarray, links: Links, count: int) -> np.ndarray:
    """The strongest links as lines between the two crops, face a on the left; wider and lighter is stronger.

    Args:
        crop_a, crop_b: (H, W, 3) uint8.
        links: in either order.
        count: how many lines.

    Returns:
        (SIDE, 2 * SIDE + GAP, 3) uint8.
    """
    canvas = Image.new("RGB", (2 * SIDE + GAP, SIDE), "#fafafa")
    canvas.paste(Image.fromarray(enlarged(crop_a)), (0, 0))
    canvas.paste(Image.fromarray(enlarged(crop_b)), (SIDE + GAP, 0))
    draw, limit = ImageDraw.Draw(canvas), float(links.weights.max())
    offsets = (0, SIDE + GAP) if links.face == 0 else (SIDE + GAP, 0)
    for query, key, weight in reversed(links.strongest(count)):  # the strongest last, on top
        start, end = _centre(links.grid_q, query, offsets[0]), _centre(links.grid_k, key, offsets[1])
        colour = tuple(int(c) for c in colours(np.array(weight), limit, signed=False))
        width = 1 + round(5 * weight / limit)
        draw.line((*start, *end), "white", width + 2)
        draw.line((*start, *end), colour, width)
        for (x, y), fill in ((start, ORANGE), (end, colour)):
            draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=fill, outline="white")
    return np.asarray(canvas)


def _centre(grid: Grid, patch: Grid, offset: int) -> tuple[float, float]:
    """(x, y) in pixels of a patch's middle, on a crop that starts at x = offset."""
    return offset + (patch[1] + 0.5) * SIDE / grid[1], (patch[0] + 0.5) * SIDE / grid[0]


def shares_figure(shares: Shares) -> go.Figure:
    """Bars of the parts, mean over both orders, and below them their sum: the model's log-odds."""
    values = [*(float(v) for v in shares.values), shares.total]
    figure = go.Figure()
    figure.add_bar(
        y=[*shares.names, "<b>sum: log-odds</b>"],
        x=values,
        orientation="h",
        marker_color=[*(ORANGE if v >= 0 else BLUE for v in values[:-1]), GREY],
        text=[f"{v:+.2f}" for v in values],
        textposition="outside",
        cliponaxis=False,
    )
    spread = max(*values, 0) - min(*values, 0) or 1.0
    low, high = min(*values, 0) - 0.4 * spread, max(*values, 0) + 0.4 * spread  # a number has room on a phone too
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title=shares.unit, range=[low, high])
    return styled(figure, "")
