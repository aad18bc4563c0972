"""The section on how far probabilities and thresholds travel (training/studies/calibration.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.docs.text import table, with_interval
from training.studies.wording import by, section

HEADS = ["", "accuracy, shipped", "accuracy, cross-fitted", "ECE, shipped", "ECE, cross-fitted"]


def calibration(report: Mapping[str, Any]) -> str:
    """Held-out families, and other photos where a list was given: as shipped, and fitted on other families."""
    weights = report["weights"]
    blocks = []
    for place, words in (("held_out", "Held-out training families"), ("other_photos", "Other photos")):
        rows = {name: found[place] for name, found in weights.items() if place in found}
        if rows:
            first = next(iter(rows.values()))
            pairs = first.get("list") or f"{first['pairs']:,} image pairs"
            what = f"{words}: {pairs}; {first['families']} families."
            blocks += [what, table([HEADS, *([name, *_cells(found)] for name, found in rows.items())])]
    said = (
        "As shipped, and with slope and offset fitted on four fifths of the families and asked about the others, "
        "threshold 0.5. A threshold travels where both accuracies are alike; where they are not, "
        "`python -m training.calibrate MODEL --pairs LIST.csv --images DIR` fits both to photos of your own. ECE: "
        "expected calibration error, 15 bins, either kind of pair with equal mass: the probabilities assume that half "
        "of all pairs are kin, which the page's control for another share changes. Intervals: bootstrap over families; "
        "a resampled list has a slightly larger ECE than the list itself."
    )
    return section("How far thresholds travel", said, *blocks, by("calibration"))


def _cells(found: Mapping[str, Any]) -> list[str]:
    return [with_interval(found[how], key) for key in ("accuracy", "ece") for how in ("shipped", "cross_fitted")]
