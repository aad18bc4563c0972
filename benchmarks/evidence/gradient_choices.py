"""How many masks do covering gradients want, how coarse, and how much smoothing?

    python -m benchmarks.evidence.gradient_choices [--models dlib_kin ...] [--pairs 10]

The curves and random orders of the benchmark of evidence on pairs of the held-out training families, which choose. One
setting is varied at a time. Beside them stand occlusion, and faces shown along the straight line from blurred to clear
(Integrated Gradients) instead of half-covered ones.
Writes benchmarks/results/gradient_choices.json and its table in docs/evidence.md. A weight is measured in one go, some
ten seconds a pair on one core.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.evidence.by_weight import Benchmark
from benchmarks.evidence.curves import RANDOM, Protocol, order_rows, scalars_of
from benchmarks.evidence.page import write_gradients
from benchmarks.evidence.patch_choices import chosen_on
from benchmarks.evidence.summary import summarise
from explain import explain
from explain.core.findings import Heatmap
from explain.methods.covering_gradients import GRID, MASKS, SIGMA, effects, smoothed
from models import load_model, predict, read_sidecar
from models.predict import Result

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "gradient_choices.json"
SHIPPED = {"masks": MASKS, "grid": GRID, "sigma": SIGMA}
VARIED: dict[str, Sequence[float]] = {
    "masks": (4, 16),
    "grid": (4, 11),
    "sigma": (1 / 14, 1 / 20, 1 / 40),
}
"""Setting -> what is tried beside what is shipped."""
METHOD, AS_SHIPPED, LINE, OCCLUSION = "covering_gradients", "as shipped", "along a straight line", "occlusion"
PROTOCOL = Protocol()
WORDS: dict[str, Callable[[float], str]] = {
    "masks": lambda count: f"{count} masks",
    "grid": lambda side: f"{side} x {side} cells",
    "sigma": lambda share: f"smoothed by 1/{1 / share:.0f} of the side",
}
"""Setting -> how a row names its value."""


def settings() -> dict[str, dict[str, Any]]:
    """Name of a row -> options of the method."""
    changed = {WORDS[name](value): {**SHIPPED, name: value} for name, values in VARIED.items() for value in values}
    return {AS_SHIPPED: SHIPPED, **changed}


def maps_of(result: Result) -> dict[str, tuple[Heatmap, float]]:
    """Name of a row -> the map of the first face, and its seconds."""
    asked = {name: (METHOD, options) for name, options in settings().items()} | {OCCLUSION: (OCCLUSION, {})}
    found = {}
    for name, (method, options) in asked.items():
        start = time.perf_counter()
        heatmap = explain(result, method, faces=(0,), **options)[0]
        found[name] = heatmap, time.perf_counter() - start
    start = time.perf_counter()
    heatmap = along_the_line(result)
    return {**found, LINE: (heatmap, time.perf_counter() - start)}


def along_the_line(result: Result) -> Heatmap:
    """Integrated Gradients of the first face from its blurred self, MASKS steps, smoothed as the method is."""
    size = result.model.spec.size
    shares = (torch.arange(MASKS) + 0.5) / MASKS
    found = effects(result, 0, shares[:, None, None].expand(-1, size, size), result.explained)
    values = smoothed(found.mean(0, keepdim=True), SIGMA)[0].numpy()
    return Heatmap(np.ascontiguousarray(values), 0, "integrated_gradients", True, result.explained, "Straight line.")


def records_of(number: int, same: bool | None, result: Result, protocol: Protocol) -> list[dict[str, Any]]:
    """A record a row, and one for the random orders."""
    found = maps_of(result)
    rows = order_rows(result, [heatmap for heatmap, _ in found.values()], protocol, random=True)
    common = {"pair": number, "same": same, "target": scalars_of(result)[result.explained]}
    times = {name: seconds for name, (_, seconds) in found.items()} | {RANDOM: 0.0}
    return [
        {**common, "method": name, "seconds": seconds, "curves": row}
        for (name, seconds), row in zip(times.items(), rows, strict=True)
    ]


def measured(weight: str, each: int, data: Path, protocol: Protocol = PROTOCOL) -> dict[str, Any]:
    """The figures of one weight on `each` pairs of either kind, or twice as many faces."""
    model, sidecar = load_model(weight, "cpu"), read_sidecar(weight)
    pairs, records = chosen_on(sidecar.task, data, model.spec, each), []
    for n in tqdm(range(2 * each), desc=weight, unit="pair"):
        records += records_of(n, pairs.same(n), predict(model, *pairs.faces(n)), protocol)
    rows = []
    for name, figures in summarise(records, None).items():
        seconds = median(r["seconds"] for r in records if r["method"] == name)
        gains = [figures[f][f"{curve}_gain"]["mean"] for f in protocol.fills for curve in ("deletion", "insertion")]
        shares = {fill: figures[fill]["beats_random"]["pairs"] for fill in protocol.fills}
        row = {"row": name, "seconds": round(seconds, 3), "gain": mean(gains)}
        rows.append({**row, "both": figures["beats_random"]["pairs"], **shares})
    unit = "faces" if sidecar.task == "expression" else "pairs"
    source = "FER+'s validation part" if sidecar.task == "expression" else "held-out training families"
    return {"sha256": sidecar.sha256, "unit": unit, "source": source, "count": 2 * each, "rows": rows}


COMMAND = Benchmark(
    "benchmarks.evidence.gradient_choices",
    "Covering gradients: how many masks, how coarse?",
    ("dlib_kin", "edgeface_kin", "vit_kprpe"),
    10,
    RESULTS,
    write_gradients,
    {"protocol": PROTOCOL.to_json(), "shipped": SHIPPED},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each weight, keep those of other weights in the file, write."""
    COMMAND.run(COMMAND.parse(arguments), measured)


if __name__ == "__main__":
    main()
