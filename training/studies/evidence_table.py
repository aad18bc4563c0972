"""The section of docs/results.md on which map may be believed, from benchmarks/results/evidence.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.docs.text import table
from training.studies.wording import section


def evidence(report: Mapping[str, Any]) -> str:
    """benchmarks/evidence: the best explainer of every weight that was measured."""
    cells = [["weight", "best method", "beats random orders", "same or kin", "different", "flips at 5 %", "pairs"]]
    for name, row in report["weights"].items():
        figures = row["methods"][row["best"]]
        beats = figures["beats_random"]
        groups = [share_of(beats[g]) if g in beats else "" for g in ("pairs", "same", "different")]
        cells.append([name, f"`{row['best']}`", *groups, flips_of(figures), str(beats["pairs"]["count"])])
    protocol = report["protocol"]
    said = (
        "Share of pairs, in per cent with 95 % interval, in which the method's map beats the mean of "
        f"{protocol['orders']} random orders on both curves, deletion and insertion in {protocol['steps']} steps, "
        f"with every fill ({' and '.join(protocol['fills'])}); the first face changes, the second stays as it is. "
        "Flips: how often the probe goes over to its twin, a donor swap, when the map's places are exchanged, at a "
        "false positive rate of 5 %; in brackets a map of random tiles. Pairs: FIW val for kinship, LFW view 2 for the "
        "others; they chose the method that the app shows first, no model. Every method and what it can show: "
        "[evidence.md](evidence.md)."
    )
    return section("Which map may be believed", table(cells), said, f"By `{report['command']}`.")


def share_of(found: Mapping[str, Any]) -> str:
    """ "97 [92, 99]", in per cent."""
    low, high = found["ci95"]
    return f"{100 * found['share']:.0f} [{100 * low:.0f}, {100 * high:.0f}]"


def flips_of(figures: Mapping[str, Any]) -> str:
    """ "62 (18)", in per cent; empty where the game was not played."""
    if "flips" not in figures:
        return ""
    own, random = (100 * figures["flips"][k]["0.05"] for k in ("map", "random"))
    return f"{own:.0f} ({random:.0f})"
