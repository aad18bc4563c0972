"""How the studies' sections put their figures: intervals, differences, what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def section(heading: str, *paragraphs: str) -> str:
    return "\n\n".join([f"## {heading}", *(text for text in paragraphs if text)])


def by(study: str) -> str:
    return f"By `python -m training.studies.{study}`, whose docstring says how."


def holds_0(cell: Mapping[str, Any]) -> bool:
    """No difference is seen."""
    return cell["ci95"] is None or cell["ci95"][0] <= 0 <= cell["ci95"][1]


def seen(apart: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """A line a comparison: where its interval leaves 0 out.

    Args:
        apart: name of the comparison -> column -> {mean, ci95}.
    """
    lines = []
    for name, columns in apart.items():
        clear = [f"{column} {signed(cell)}" for column, cell in columns.items() if not holds_0(cell)]
        said = "; ".join(clear) if clear else f"no difference is seen in any of {len(columns)} columns"
        lines.append(f"- {name}: {said}.")
    return "\n".join(lines)


def signed(cell: Mapping[str, Any]) -> str:
    if cell["ci95"] is None:
        return f"{100 * cell['mean']:+.2f}"
    low, high = (100 * v for v in cell["ci95"])
    return f"{100 * cell['mean']:+.2f} ({low:+.2f} to {high:+.2f})"


def share(cell: Mapping[str, Any]) -> str:
    return f"{cell['mean']:.2f} ({cell['ci95'][0]:.2f} to {cell['ci95'][1]:.2f})"


def interval(mean: float, ci95: Sequence[float]) -> str:
    low, high = (100 * v for v in ci95)
    return f"{100 * mean:.1f} ({low:.1f} to {high:.1f})"


def spread(auc: Mapping[str, float] | None) -> str:
    """Mean over seeds, with the extremes where they differ."""
    if auc is None:
        return ""
    apart = f" ({auc['least']:.4f} to {auc['most']:.4f})" if auc["least"] < auc["most"] else ""
    return f"{auc['mean']:.4f}{apart}"
