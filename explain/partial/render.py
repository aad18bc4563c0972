"""Pictures of the parts a partial face was taken apart into, and the curve of the score against the visible area."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from explain.core import render
from explain.core.findings import Heatmap
from explain.core.render import BLUE, GREEN, GREY, ORANGE, styled
from explain.core.render_evidence import enlarged
from explain.partial.find import ATTENTION, AVERAGE, REFERENCE, TITLES, PartWeights, Said
from explain.partial.loss import AreaCurve

LINES = {ATTENTION: (ORANGE, "solid"), AVERAGE: (BLUE, "dash"), REFERENCE: (GREEN, "dashdot")}
"""Network -> colour and dash of its curve."""


def shared_limit(parts: tuple[PartWeights, ...], kind: str) -> float:
    """Where the scale of every map of these faces ends."""
    return render.shared_limit([h for p in parts for h in p.heatmaps(kind)])


def part_picture(crop: np.ndarray, heatmap: Heatmap, *, opacity: float, limit: float) -> np.ndarray:
    """A part's map over the crop, enlarged: (SIDE, SIDE, 3) uint8 of explain.core.render_evidence."""
    return render.overlay(enlarged(crop), heatmap, opacity=opacity, limit=limit)


def area_figure(curve: AreaCurve, now: Mapping[str, Said], visible: float) -> go.Figure:
    """Score against visible area, a curve a network, each with its threshold; diamonds are the present state.

    Args:
        now: network -> its answer at present.
        visible: fraction of the face that is left at present.
    """
    figure = go.Figure()
    for name, score in curve.score.items():
        colour, dash = LINES.get(name, (GREY, "solid"))
        title, line = TITLES.get(name, name), {"color": colour, "dash": dash, "width": 2.5}
        x = (100 * curve.visible).tolist()
        figure.add_scatter(x=x, y=score.tolist(), name=title, mode="lines+markers", line=line)
        if name in now:
            figure.add_hline(y=now[name].threshold, line={"color": colour, "dash": "dot", "width": 1.5})
            marker = {"color": colour, "symbol": "diamond", "size": 12, "line": {"color": "white", "width": 1}}
            here = {"x": [100 * visible], "y": [now[name].score], "name": f"{title}, now"}
            figure.add_scatter(**here, mode="markers", marker=marker, showlegend=False)
    figure.update_xaxes(title="visible share of the face (%)", range=[0, 102])
    figure.update_yaxes(title="score", range=[0, 1.03])
    return styled(figure, "")
