"""Names of weights for people: what each asks, its plain name, and the marks it has earned among those of its task."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path

from models.registry import MODELS
from models.tasks import TASKS
from ui.shared.answering import figures, measured, pair_weights, sidecar

SPEED = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "speed.json"
PERMISSIVE = ("CC0-1.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "BSL-1.0")
"""Licences (SPDX) under which a weight may be used for anything."""
ALIKE = 1.05
"""Times that lie within this factor are not told apart."""


def title(weight: str) -> str:
    """ "Blood relatives? S-ViT (svit)", and its marks; a list of them is grouped by what is asked."""
    earned = marks(weight)
    return f"{TASKS[sidecar(weight).task].question} {plain(weight)}" + (f": {', '.join(earned)}" if earned else "")


def plain(weight: str) -> str:
    """ "S-ViT (svit)"."""
    model = sidecar(weight).model
    return f"{MODELS[model].title if model in MODELS else model} ({weight})"


def line(weight: str) -> str:
    """What a weight is, and how good."""
    entry = MODELS.get(sidecar(weight).model)
    return f"{entry.summary} {measured(weight)}" if entry else measured(weight)


def marks(weight: str) -> list[str]:
    """ "best" and "fastest" (to within ALIKE) among the weights of its task, as measured, and "permissive licence"."""
    rivals = [name for name in pair_weights() if sidecar(name).task == sidecar(weight).task]
    figure = {n: value for n in rivals if (value := _ranking(n)) is not None}
    seconds = {n: value for n in rivals if (value := seconds_of(n)) is not None}
    earned = {
        "best": len(figure) > 1 and weight == max(figure, key=lambda n: figure[n]),
        "fastest": len(seconds) > 1 and seconds.get(weight, math.inf) <= ALIKE * min(seconds.values()),
        "permissive licence": sidecar(weight).licence in PERMISSIVE,
    }
    return [mark for mark, has in earned.items() if has]


def _ranking(weight: str) -> float | None:
    """The figure that ranks the weights of its task; None where it was not measured."""
    value = figures(weight).get(TASKS[sidecar(weight).task].figures[0][1])
    return float(value) if isinstance(value, (int, float)) else None


def seconds_of(weight: str) -> float | None:
    """Time for one pair of faces, as benchmarks.speed measured it on this very file; None where it did not."""
    row = _pairs().get(weight)
    return row["seconds"] if row and row["sha256"] == sidecar(weight).sha256 else None


@lru_cache(maxsize=1)
def _pairs() -> dict[str, dict]:
    """Weight -> its row of the file; empty without one."""
    return json.loads(SPEED.read_text()).get("pairs", {}) if SPEED.exists() else {}
