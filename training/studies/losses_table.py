"""The section on losses compared alike (training/studies/losses.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.docs.text import table
from training.studies.wording import by, holds_0, interval, section, signed


def losses(report: Mapping[str, Any]) -> str:
    """Accuracy of every loss, and which two can be told apart."""
    sets = list(report["differences"]) or ["LFW", "MFR2"]
    cells = [["loss", *(head for name in sets for head in (name, f"{name}, each seed", f"{name}, AUC"))]]
    for row in report["rows"]:
        found = [_cells(row[name]) for name in sets]
        cells.append([row["loss"], *(cell for part in found for cell in part)])
    how = report["schedule"]
    said = (
        "One small network on the reference encoder's frozen first stages, trained alike with every loss: "
        f"{how['epochs']} epochs over {report['faces']:,} faces of {report['identities']:,} people, batches of "
        f"{how['batch']}, nothing selected. So few faces and steps say how the losses start, not where they end after "
        f"millions. In per cent; {report['protocol']}. Interval of an accuracy: Student's t over folds; of a "
        "difference: over seeds and folds, all pairs of losses at once (Bonferroni)."
    )
    apart = "\n".join(_apart(name, rows) for name, rows in report["differences"].items())
    return section("Losses compared alike", apart, table(cells), said, by("losses"))


def _cells(found: Mapping[str, Any]) -> list[str]:
    seeds = ", ".join(f"{100 * value:.1f}" for value in found["per_seed"])
    return [interval(found["accuracy"], found["accuracy_ci95"]), seeds, f"{found['auc']:.4f}"]


def _apart(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The pairs of losses whose interval leaves 0 out, the largest difference first."""
    clear = sorted((row for row in rows if not holds_0(row)), key=lambda row: -row["mean"])
    said = "; ".join(f"{row['better']} above {row['worse']} by {signed(row)}" for row in clear)
    return f"- {name}: {len(clear)} of {len(rows)} pairs of losses can be told apart{': ' if said else ''}{said}."
