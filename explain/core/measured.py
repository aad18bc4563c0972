"""What the benchmark of evidence found: how often a method's map beats a random order, and the best one.

Read from benchmarks/results/evidence.json, which `python -m benchmarks.evidence` writes. Figures count for the very
file they were measured on: a weight with another hash has none.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from models import read_sidecar
from models.sidecars import WeightError

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "evidence.json"


DIRECT = ("occlusion", "part_shapley")
"""Methods whose maps are changes of the answer itself."""


@dataclass(frozen=True)
class Measured:
    """How a method did on a weight.

    Attributes:
        method: label in EXPLAINERS.
        share: of pairs in which its map beats random orders, at deletion and at insertion, with every fill.
        ci95: of the share.
        count: pairs.
        seconds: for the maps of all faces, median, on the machine that measured.
        unit: what was counted, "pairs" or "faces".
    """

    method: str
    share: float
    ci95: tuple[float, float]
    count: int
    seconds: float
    unit: str = "pairs"

    @property
    def trusted(self) -> bool:
        """Is it better than a random order in most pairs, the interval included?"""
        return self.ci95[0] > 0.5

    @property
    def words(self) -> str:
        """ "beats a random order on 97 % of 400 pairs"."""
        return f"beats a random order on {100 * self.share:.0f} % of {self.count} {self.unit}"


def measured(weight: str) -> dict[str, Measured]:
    """Method -> how it did on a weight, the best first; empty when this weight was not measured."""
    try:
        row = _weights().get(weight)
        if row is None or row["sha256"] != read_sidecar(weight).sha256:
            return {}
    except WeightError:
        return {}
    unit = row.get("unit", "pairs")
    found = [_measured(method, figures, unit) for method, figures in row["methods"].items()]
    return {m.method: m for m in sorted(found, key=lambda m: rank(m.method, m.ci95[0], m.seconds))}


def rank(method: str, surely: float, seconds: float) -> tuple[float, bool, float]:
    """Sort key, the best first: by the share of pairs that is sure, the lower end of its interval.

    Of equals, which a few pairs make likely, a method of DIRECT comes first, then the quicker.
    """
    return -surely, method not in DIRECT, seconds


def preferred(found: Sequence[tuple[str, float, float, float]]) -> str:
    """The quickest of the methods that do as well as the best one, as far as its interval tells.

    Args:
        found: at least one (method, share of pairs, lower end of its interval, seconds); the best is the one with the
            highest lower end, and as well as it do those whose share reaches that end.
    """
    best = min(found, key=lambda m: rank(m[0], m[2], m[3]))
    return min((m for m in found if m == best or m[1] >= best[2]), key=lambda m: m[3])[0]


def default_method(weight: str, offered: Sequence[str]) -> str:
    """The offered method that is preferred on this weight; on a weight that was not measured, best on the others.

    Where nothing was measured, one that asks the network itself with places covered (DIRECT).

    Args:
        weight: its name.
        offered: labels, at least one.
    """
    own = [(m.method, m.share, m.ci95[0], m.seconds) for m in measured(weight).values() if m.method in offered]
    if own:
        return preferred(own)
    return next((method for method in (*_best_on_average(), *DIRECT) if method in offered), offered[0])


def _measured(method: str, figures: dict[str, Any], unit: str) -> Measured:
    share = figures["beats_random"]["pairs"]
    low, high = share["ci95"]
    return Measured(method, share["share"], (low, high), share["count"], figures["seconds"], unit)


def _best_on_average() -> list[str]:
    """Methods by their mean share over all weights that were measured, the best first."""
    shares = defaultdict(list)
    for row in _weights().values():
        for method, figures in row["methods"].items():
            shares[method].append(figures["beats_random"]["pairs"]["share"])
    return sorted(shares, key=lambda m: -sum(shares[m]) / len(shares[m]))


@lru_cache(maxsize=1)
def _weights() -> dict[str, Any]:
    """Weight -> its row of the file; empty without one."""
    found: dict[str, Any] = json.loads(FILE.read_text())["weights"] if FILE.exists() else {}
    return found
