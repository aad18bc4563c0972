"""Pictures of gates and of how maps are spread over the face; colours are render.py's.

A gate lies in [0, 1] and is drawn on that whole range, on which one that lets everything pass alike looks flat; or, on
request, on the range of the values that are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image
from PIL.Image import Resampling

from explain.attention.gates import Gates, channel_of
from explain.attention.region_mass import RegionMass
from explain.core.render import BLUE, GREY, ORANGE, blend, styled

SIDE = 224
"""Side in pixels at which gates are drawn: a multiple of every grid of an IR-ResNet."""
LIMIT = 1.0
"""End of the colour scale of every gate."""
COLOURS = ("#009e73", BLUE, ORANGE)
"""Of the arms, in their order; grey is the flat map's (Okabe and Ito)."""


def gate_picture(
    crop: np.ndarray, spatial: np.ndarray, *, opacity: float, span: tuple[float, float] = (0.0, LIMIT)
) -> np.ndarray:
    """A spatial gate over the crop, a square a place.

    Args:
        crop: (H, W, 3) uint8.
        spatial: (h, w) float32 in [0, 1].
        opacity: of the colours, in [0, 1].
        span: both ends of the colour scale, the first one below the second.

    Returns:
        (SIDE, SIDE, 3) uint8.
    """
    under = np.asarray(Image.fromarray(crop).resize((SIDE, SIDE), Resampling.BICUBIC))
    squares = np.asarray(Image.fromarray(spatial).resize((SIDE, SIDE), Resampling.NEAREST))
    low, high = span
    return blend(under, squares - np.float32(low), False, opacity, high - low)


def channel_figure(arms: Mapping[str, Sequence[Gates]], *, own: bool = False) -> go.Figure:
    """Violins of the channel gates by block, an arm a colour; arms without channel gates have none.

    Args:
        arms: title -> gates of one face, in the arms' order.
        own: the axis shows the values that are there, else 0 to LIMIT.
    """
    figure = go.Figure()
    for (title, gates), colour in zip(arms.items(), COLOURS, strict=False):
        blocks = channel_of(gates)
        if blocks:
            figure.add_violin(
                x=np.concatenate([[short(name)] * len(v) for name, v in blocks.items()]),
                y=np.concatenate(list(blocks.values())),
                name=title,
                line={"color": colour, "width": 1},
                spanmode="hard",
                points=False,
                meanline={"visible": True},
                scalemode="width",
            )
    figure.update_layout(violinmode="group", violingap=0.15)
    figure.update_yaxes(title="gate", range=None if own else [0, LIMIT])
    figure.update_xaxes(title="stage.block")
    return styled(figure, "")


def short(block: str) -> str:
    """ "stage2.block0" -> "2.0"."""
    return block.replace("stage", "").replace("block", "")


def mass_figure(arms: Mapping[str, RegionMass]) -> go.Figure:
    """Bars of the share of each arm's map in every region, with a mark at the share a flat map would have."""
    figure = go.Figure()
    for (title, mass), colour in zip(arms.items(), COLOURS, strict=False):
        figure.add_bar(
            x=mass.regions, y=100 * mass.share, name=title, marker_color=colour, hovertemplate="%{x}: %{y:.1f} %"
        )
    flat = next(iter(arms.values()))
    figure.add_scatter(
        x=flat.regions,
        y=100 * flat.area,
        name="a flat map",
        mode="markers",
        marker={"symbol": "line-ew-open", "size": 24, "color": GREY, "line": {"width": 2}},
        hovertemplate="%{x}: %{y:.1f} % of the crop",
    )
    figure.update_yaxes(title="share of the map (%)", rangemode="tozero")
    return styled(figure, "")
