"""What a check measured: rows with a limit, and what they came from."""

from __future__ import annotations

import dataclasses
import datetime
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.hostile.client import ANSWERED, FAILED, REFUSED, Outcome
from benchmarks.hostile.running import ROOT


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number.

    Attributes:
        what: in words.  value: in `unit`.  limit: it may not be exceeded; None for what is only told.
    """

    what: str
    value: float
    unit: str = ""
    limit: float | None = None

    @property
    def holds(self) -> bool:
        """Within its limit, or without one."""
        return self.limit is None or self.value <= self.limit

    def row(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        return {**dataclasses.asdict(self), "value": round(self.value, 3), "holds": self.holds}


def outcomes(calls: Sequence[Outcome]) -> list[Figure]:
    """How many calls were answered, refused in words, failed; and how long an answer took."""
    kinds = [c.kind for c in calls]
    answered = [c.seconds for c in calls if c.kind == ANSWERED]
    found = [
        Figure("calls", len(calls)),
        Figure("errors", kinds.count(FAILED), "", 0),
        Figure("refused in words", kinds.count(REFUSED)),
    ]
    if answered:
        median, p95 = np.percentile(answered, [50, 95])
        found += [Figure("median time of an answer", median, "s"), Figure("95th percentile", p95, "s")]
    return found


def words(calls: Sequence[Outcome], most: int = 8) -> dict[str, int]:
    """Each different sentence of refusals and failures, with its number; the most frequent ones."""
    found: dict[str, int] = {}
    for call in calls:
        if call.kind != ANSWERED:
            key = f"{call.kind}: {call.words[:160]}"
            found[key] = found.get(key, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1])[:most])


def origin() -> dict[str, Any]:
    """Machine, commit, date, and how busy the machine is with other work."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return {
        "machine": {
            "cpu_count": os.cpu_count(),
            "processor": platform.processor() or platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "pillow", "gradio")},
            "load_before": round(os.getloadavg()[0], 2),
        },
        "commit": head + ("+changes" if changed else ""),
        "date": datetime.date.today().isoformat(),
    }
