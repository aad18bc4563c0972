"""Figures of a weight as the tab Models shows them: the main one, where it fails, a number with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.evaluations import evaluation_of, evaluation_order, value_at
from models.relations import relation_words
from ui.shared.cards import percent


@dataclass(frozen=True)
class Main:
    """The figure that stands for a weight: accuracy on the first of its evaluations.

    Attributes:
        evaluation: key of Sidecar.metrics.
        value: in [0, 1].
        text: with its 95 % interval, as `with_interval`.
    """

    evaluation: str
    value: float
    text: str

    @property
    def on(self) -> str:
        """What it was measured on, in a few words."""
        return evaluation_of(self.evaluation).on


def main_figure(metrics: Mapping[str, Any]) -> Main | None:
    """Of the first evaluation, in the order of pages, that has a main figure; None where nothing was measured."""
    for key in sorted(metrics, key=evaluation_order):
        path = evaluation_of(key).main
        value = value_at(metrics[key], path)
        if is_number(value):
            return Main(key, float(value), with_interval(value_at(metrics[key], path[:-1]), path[-1]))
    return None


def with_interval(row: Any, key: str) -> str:
    """ "0.742 [0.731, 0.753]", without the brackets where no interval was measured, a dash where nothing was.

    The brackets are small print, in HTML.
    """
    if not isinstance(row, Mapping) or not is_number(row.get(key)):
        return "–"
    ci: Any = row.get(key + "_ci95")
    small = f" <small>[{ci[0]:.3f}, {ci[1]:.3f}]</small>" if is_interval(ci) else ""
    return f"{row[key]:.3f}{small}"


def is_number(value: Any) -> bool:
    """A sidecar of the user's may hold anything."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_interval(value: Any) -> bool:
    """Two numbers."""
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(map(is_number, value))


def fails(metrics: Mapping[str, Any]) -> str:
    """How often the main figure's answers are wrong, and on which part most often; plain text."""
    main = main_figure(metrics)
    if main is None:
        return "Not measured: nothing is known of its mistakes."
    told = f"Wrong on {percent(1 - main.value)} of {main.on}"
    part = _weakest(metrics[main.evaluation], main.value)
    return f"{told}; weakest: {part}." if part else f"{told}."


def _weakest(report: Mapping[str, Any], whole: float) -> str:
    """ "grandfather and granddaughter, 40.5 % of 74", of parts that are worse than the whole."""
    found = report.get("breakdown")
    parts: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    worse = {name: value for name, row in parts.items() if (value := _rightly(name, row)) is not None and value < whole}
    if not worse:
        return ""
    name = min(worse, key=lambda n: worse[n])
    counts = [parts[name][k] for k in ("pairs", "faces") if is_number(parts[name].get(k))]
    return f"{relation_words(name)}, {percent(1 - worse[name])}" + (f" of {counts[0]:,}" if counts else "")


def _rightly(name: Any, row: Any) -> float | None:
    """Share of a part's right answers; None where it has none. Folds of a cross-validation are no kind of photo."""
    if not isinstance(name, str) or not isinstance(row, Mapping) or name.startswith("fold "):
        return None
    return next((row[k] for k in ("accuracy", "recall") if is_number(row.get(k))), None)
