"""Accuracy against visible area, from the report of partial_lfw."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def draw_by_area(report: dict[str, Any], picture: Path) -> None:
    """A line for each partial column with its 95 % intervals, dashed where parts are centred; whole faces level."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.add_subplot()
    names = list(dict.fromkeys(row["column"] for row in report["by_area"]))
    kinds = list(dict.fromkeys(name.split(",")[0] for name in names))
    for name in names:
        rows = [row for row in report["by_area"] if row["column"] == name]
        value = [100 * row["accuracy"] for row in rows]
        ends = [[abs(100 * row["accuracy_ci95"][i] - v) for row, v in zip(rows, value, strict=True)] for i in (0, 1)]
        axis.errorbar(
            [100 * row["visible"] for row in rows],
            value,
            ends,
            label=name,
            color=f"C{kinds.index(name.split(',')[0])}",
            linestyle="--" if name.endswith("centred") else "-",
            linewidth=1.3,
            capsize=2,
        )
    axis.axhline(100 * report["breakdown"]["holistic"]["accuracy"], color="0.4", linewidth=1, label="holistic")
    axis.set_xlabel("visible area of a partial face, % of the 160 px image")
    axis.set_ylabel("accuracy on LFW's pairs, %")
    axis.set_title(f"{report['weight']}: accuracy against visible area, 95 % intervals over folds", fontsize=10)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    figure.savefig(picture, dpi=130)
