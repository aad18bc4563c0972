"""Plots of the page of two faces."""

from __future__ import annotations

from plotly.graph_objects import Figure

from explain import EXPLAINERS, Curve, RegionDrops
from explain.core import render
from ui.shared import cards


def region_bars(drops: tuple[RegionDrops, ...]) -> Figure:
    """The bars in a height that stands beside the table."""
    return render.region_figure(*drops).update_layout(height=300, title_text="", legend_y=-0.15)


def curve_plots(curves: tuple[Curve, ...]) -> list[Figure]:
    """Both faces' curves on one scale of the answer."""
    values = [y for c in curves for y in (c.deletion, c.insertion, c.random_deletion, c.random_insertion)]
    low, high = min(float(y.min()) for y in values), max(float(y.max()) for y in values)
    margin = 0.05 * max(high - low, 0.01)
    plots = []
    for c in curves:
        title = f"Face {cards.capital(c.face)}: {EXPLAINERS[c.method].title}<br>missing pixels: {c.fill}"
        plot = render.curve_figure(c).update_layout(height=400, title_text=title, margin_t=60)
        plots.append(plot.update_yaxes(range=[low - margin, high + margin]))
    return plots
