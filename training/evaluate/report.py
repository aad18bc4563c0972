"""What an evaluation says: one dictionary for JSON, one table for the screen.

Top level, for every task: task, model, weight, weight_sha256, protocol, accuracy, accuracy_ci95, auc, tar (FAR -> TAR),
pairs; then what the task adds, under "breakdown" the same figures for its parts, and under "published" what others
report on their lists.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.relations import relation_words
from models.weights import Sidecar
from training.evaluate.metrics import accuracy, auc, best_threshold, bootstrap_ci, pair_ece, tar_table
from training.evaluate.published import beside, published
from training.evaluate.scoring import Scored


def head(task: str, sidecar: Sidecar, protocol: str) -> dict[str, Any]:
    """The first lines of every report."""
    return {
        "task": task,
        "model": sidecar.model,
        "weight": sidecar.name,
        "weight_sha256": sidecar.sha256,
        "protocol": protocol,
        "published": published(task),
    }


def figures(scored: Scored, threshold: float, groups: Sequence[str] | None = None) -> dict[str, Any]:
    """Accuracy at a given threshold, best-threshold accuracy, AUC and TAR of a list of pairs.

    Args:
        groups: of each pair (family, identity), for 95 % bootstrap intervals of accuracy, AUC and ECE;
            None: no intervals, and no ECE.

    Figures that need both kinds of pair are left out where there is only one kind.
    """
    score, same = scored.score, scored.same
    values: dict[str, Any] = {"pairs": len(same), "matching": int(same.sum()), "threshold": threshold}
    values["accuracy"] = accuracy(score, same, threshold)
    if groups is not None:
        values["accuracy_ci95"] = bootstrap_ci(lambda r: accuracy(score[r], same[r], threshold), groups)
    if same.all() or not same.any():
        return values
    best = best_threshold(score, same)
    values |= {"best_accuracy": accuracy(score, same, best), "best_threshold": best, "auc": auc(score, same)}
    if groups is not None:
        values["auc_ci95"] = bootstrap_ci(lambda r: auc(score[r], same[r]), groups)
        values["ece"] = pair_ece(score, same)
        values["ece_ci95"] = bootstrap_ci(lambda r: pair_ece(score[r], same[r]), groups)
    return {**values, "tar": tar_table(score, same)}


def by_relation(
    scored: Scored, relations: Sequence[str], threshold: float, groups: Sequence[str] | None
) -> dict[str, dict[str, Any]]:
    """figures() of every relation in the list, in the list's order of first appearance; those without one left out."""
    parts = {}
    for relation in dict.fromkeys(r for r in relations if r):
        rows = np.array([i for i, r in enumerate(relations) if r == relation])
        part = Scored(scored.score[rows], scored.similarity[rows], scored.same[rows])
        parts[relation] = figures(part, threshold, None if groups is None else [groups[i] for i in rows])
    return parts


def at_threshold(
    first: dict[str, Any], scored: Scored, relations: Sequence[str], threshold: float, groups: Sequence[str]
) -> dict[str, Any]:
    """A report at one threshold: `first` (of head), the figures, and the relations below with their plain mean."""
    parts = by_relation(scored, relations, threshold, groups)
    report = {**first, **figures(scored, threshold, groups)}
    if parts:
        report["mean_relation_accuracy"] = float(np.mean([v["accuracy"] for v in parts.values()]))
    return {**report, "breakdown": parts}


COLUMNS = (
    "pairs",
    "probes",
    "faces",
    "accuracy",
    "accuracy_ci95",
    "macro_f1",
    "recall",
    "recall_ci95",
    "precision",
    "f1",
    "best_accuracy",
    "loss",
    "loss_ci95",
    "auc",
    "far_at_threshold",
    "tar_at_threshold",
    "tar",
    "map",
    "map_ci95",
    "rank5",
    "rank5_ci95",
)

ELSEWHERE = ("breakdown", "subgroups", "published", "by_area")
"""What has a table of its own, or a plot."""


def table(report: dict[str, Any]) -> str:
    """The report as text: a line for the whole and one for each part, then the published results beside it."""
    rows = [("all", report), *((relation_words(part), v) for part, v in report.get("breakdown", {}).items())]
    rows += [(f"{d}: {n}", v) for d, parts in report.get("subgroups", {}).items() for n, v in parts.items()]
    shown = [c for c in COLUMNS if any(c in values for _, values in rows)]
    cells = [["", *shown]] + [[name, *(_cell(values.get(c)) for c in shown)] for name, values in rows]
    facts = [f"{k}: {_cell(report[k])}" for k in report if k not in (*COLUMNS, *ELSEWHERE)]
    blocks = ["\n".join(facts), _columns(cells)]
    if report.get("published"):
        blocks += [_columns(beside(report["task"], {report["weight"]: report})), report["published"]["note"]]
    return "\n\n".join(blocks)


def _columns(cells: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{_cell(v)}@{k}" if k[0].isdigit() else f"{k} {_cell(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "-".join(_cell(v) for v in value)
    return f"{value:.4f}" if isinstance(value, float) else "" if value is None else str(value)


def write_json(report: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
