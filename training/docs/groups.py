"""A card's section on groups of people and of photos: who is served worse than the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.evaluations import evaluation_of
from models.weights import Sidecar
from training.docs.text import table, with_interval

HEADING = "Groups"
FIGURES = {"accuracy": "accuracy", "far_at_threshold": "FAR", "tar_at_threshold": "TAR"}
"""Key in a report -> word on the page."""


def section(sidecar: Sidecar) -> str:
    """The tables of every evaluation that looked at groups, what is worse in them, and what is not known."""
    found = {task: report for task, report in sidecar.metrics.items() if report.get("subgroups")}
    blocks = [_block(task, report) for task, report in found.items()]
    return "\n\n".join([f"## {HEADING}", *blocks]) if blocks else ""


def _block(task: str, report: Mapping[str, Any]) -> str:
    rows = [["", "pairs", *FIGURES.values()]]
    for division, groups in report["subgroups"].items():
        for name, values in groups.items():
            rows.append([f"{division}: {name}", f"{values['pairs']:,}", *(_cell(values, key) for key in FIGURES)])
    return "\n\n".join([f"{evaluation_of(task).on}, at the shipped threshold. {worse_words(report)}", table(rows)])


def _cell(values: Mapping[str, Any], key: str) -> str:
    """A figure with its interval; bold where it is worse than the whole by more than that."""
    text = with_interval(values, key)
    return f"**{text}**" if key in values["worse"] else text


def worse_words(report: Mapping[str, Any]) -> str:
    """Which groups are worse than all pairs by more than their interval, in a sentence."""
    named = list(_worse(report))
    if not named:
        return "No group is worse than all pairs by more than its interval."
    return f"{report['weight']} is worse than on all pairs by more than the interval (bold): {'; '.join(named)}."


def _worse(report: Mapping[str, Any]) -> Iterator[str]:
    for groups in report["subgroups"].values():
        for name, values in groups.items():
            if values["worse"]:
                yield f"{name} ({', '.join(FIGURES[key] for key in values['worse'])})"
