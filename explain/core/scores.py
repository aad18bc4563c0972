"""Where one score lies among those of matching and non-matching pairs: as shares, and drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from explain.core.render import BLUE, GREEN, GREY, ORANGE, styled
from models.operating_points import OperatingPoints

BINS = 25
"""Of the histogram, over scores from 0 to 1."""


@dataclass(frozen=True)
class Spread:
    """Shares of pairs by their score.

    Attributes:
        edges: (n + 1,) from 0 to 1.
        matching, other: (n,) shares of matching and of non-matching pairs in [edges[i], edges[i + 1]); each sums to 1.
        exact: counted on the pairs' scores; else from rates at some thresholds, linear in between.
    """

    edges: np.ndarray
    matching: np.ndarray
    other: np.ndarray
    exact: bool


def spread(points: OperatingPoints, bins: int = BINS) -> Spread:
    """How the scores of the calibration pairs spread, from what a sidecar holds of them."""
    edges = np.linspace(0, 1, bins + 1)
    rates = np.array([points.at(float(edge)) for edge in edges[:-1]] + [(0.0, 0.0)])  # (n + 1, 2), far and tar
    other, matching = (-np.diff(rates, axis=0)).T
    return Spread(edges, matching, other, points.exact)


def spread_figure(found: Spread, score: float, threshold: float, words: tuple[str, str]) -> go.Figure:
    """Histograms of both kinds of pairs, with this pair's score and the threshold.

    Args:
        found: the shares.
        score, threshold: in [0, 1].
        words: what matching and non-matching pairs are called.
    """
    middles, figure = (found.edges[1:] + found.edges[:-1]) / 2, go.Figure()
    for name, shares, colour in ((words[0], found.matching, ORANGE), (words[1], found.other, BLUE)):
        width = 0.9 / len(middles)
        figure.add_bar(x=middles, y=100 * shares, name=name, marker_color=colour, opacity=0.6, width=width)
    figure.update_layout(barmode="overlay")
    top = 100 * float(max(found.matching.max(), found.other.max()))
    for name, x, dash, colour in (("this pair", score, "solid", GREEN), ("threshold", threshold, "dot", GREY)):
        line = {"color": colour, "dash": dash, "width": 3}
        figure.add_scatter(x=[x, x], y=[0, 1.08 * top], mode="lines", name=f"{name}: {x:.3f}", line=line)
    figure.update_xaxes(title="score", range=[0, 1])
    figure.update_yaxes(title="pairs of each kind (%)")
    return styled(figure, "Scores of calibration pairs")


def roc_figure(points: OperatingPoints, score: float, threshold: float) -> go.Figure:
    """TAR over FAR for every threshold, with the one in force and the one that would just let this pair pass."""
    grid = np.linspace(0, 1, 201)
    rates = np.array([points.at(float(t)) for t in grid])  # (201, 2), far and tar
    figure = go.Figure()
    line = {"color": BLUE, "width": 2}
    hover = "threshold %{customdata:.3f}<br>FAR %{x:.3f}, TAR %{y:.3f}<extra></extra>"
    figure.add_scatter(
        x=rates[:, 0], y=rates[:, 1], customdata=grid, name="ROC", mode="lines", line=line, hovertemplate=hover
    )
    chance = {"color": GREY, "dash": "dot"}
    figure.add_scatter(x=[0, 1], y=[0, 1], name="chance", mode="lines", line=chance, hoverinfo="skip")
    for name, at, colour, symbol in (
        ("threshold", threshold, ORANGE, "circle"),
        ("this pair's score as the threshold", score, GREEN, "diamond"),
    ):
        far, tar = points.at(at)
        marker = {"color": colour, "size": 12, "symbol": symbol}
        figure.add_scatter(x=[far], y=[tar], name=name, mode="markers", marker=marker)
    figure.update_xaxes(title="FAR", range=[0, 1])
    figure.update_yaxes(title="TAR", range=[0, 1.02])
    return styled(figure, "ROC of the same pairs")
