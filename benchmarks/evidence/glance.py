"""All methods on all weights in one picture: docs/evidence.png, drawn from benchmarks/results/evidence.json.

A square is the share of pairs in which a method's map beats random orders with both fills; a frame marks the method
that is best on a weight. Methods are sorted by their mean rank among those of a weight.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from explain import EXPLAINERS

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "evidence.png"
SOURCE = "Source"
"""Key in the picture's text under which the hash of its figures stands."""


def shares(report: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Weight -> method -> share of pairs."""
    return {
        name: {method: f["beats_random"]["pairs"]["share"] for method, f in row["methods"].items()}
        for name, row in report["weights"].items()
    }


def mean_ranks(found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Method -> its mean rank, best first: 1 is the best of a weight; equal shares have the mean of their ranks."""
    ranks: dict[str, list[float]] = {}
    for own in found.values():
        for method, share in own.items():
            above, level = (sum(compare(s) for s in own.values()) for compare in (share.__lt__, share.__eq__))
            ranks.setdefault(method, []).append(above + (level + 1) / 2)
    return dict(sorted(((m, float(np.mean(r))) for m, r in ranks.items()), key=lambda row: row[1]))


def fingerprint(report: Mapping[str, Any]) -> str:
    """Of everything that is drawn."""
    best = {name: row["best"] for name, row in report["weights"].items()}
    return hashlib.sha256(repr((sorted(shares(report).items()), sorted(best.items()))).encode()).hexdigest()


def draw(report: Mapping[str, Any], picture: Path = PICTURE) -> None:
    """Write the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    found = shares(report)
    ranks, weights = mean_ranks(found), list(found)
    table = np.array([[found[w].get(m, np.nan) for w in weights] for m in ranks])
    figure = Figure(figsize=(2.6 + 0.52 * len(weights), 1.5 + 0.36 * len(ranks)), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.add_subplot()
    axis.imshow(np.ma.masked_invalid(table), vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (y, x), share in np.ndenumerate(table):
        if not np.isnan(share):
            colour = "white" if share < 0.6 else "black"
            axis.text(x, y, f"{100 * share:.0f}", ha="center", va="center", fontsize=8, color=colour)
    for x, name in enumerate(weights):
        y = list(ranks).index(report["weights"][name]["best"])
        axis.add_patch(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, fill=False, edgecolor="#d1495b", linewidth=2))
    axis.set_xticks(range(len(weights)), weights, rotation=55, ha="right", fontsize=8)
    titles = [f"{EXPLAINERS[m].title.replace(' (signed)', '')}  ({rank:.1f})" for m, rank in ranks.items()]
    axis.set_yticks(range(len(ranks)), titles, fontsize=8)
    axis.set_title("Per cent of pairs in which a map beats random orders (in brackets: mean rank)", fontsize=10)
    figure.savefig(picture, dpi=110, metadata={SOURCE: fingerprint(report)})
