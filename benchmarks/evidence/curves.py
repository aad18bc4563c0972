"""Deletion and insertion of every method's map beside random orders, for one pair."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.evidence.game import play
from explain import EXPLAINERS, explain
from explain.core.faithfulness import order_curves, pixel_ranks, random_ranks, tile_noise
from explain.core.findings import Heatmap
from explain.registry import default_target
from models import Result, predict
from models.faces.face import FaceBatch
from models.pair import PairModel

TARGETS = ("similarity", "logit", "score")
RANDOM = "random"


@dataclass(frozen=True)
class Protocol:
    """How the curves are taken.

    Attributes:
        steps: parts the pixels are taken away in.
        orders: random orders, the baseline.
        fills: what stands where pixels are missing.
    """

    steps: int = 5
    orders: int = 20
    fills: tuple[str, ...] = ("blur", "road")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "fills": list(self.fills)}


def pair_records(
    model: PairModel,
    faces: Sequence[FaceBatch],
    methods: Sequence[str],
    protocol: Protocol,
    donor: FaceBatch | None = None,
    random: bool = True,
) -> list[dict[str, Any]]:
    """One record a method and one for the random orders: curves of the first face, the second as it is.

    A record holds the method, the scalar it explains, its seconds for both faces, and fill -> scalar -> [deletion,
    insertion], lists of steps + 1 numbers. Of the random orders the mean curves are kept. With a donor, "game" holds
    what benchmarks.evidence.game.play found, for a map of random tiles too. `random` False: without what is random.
    """
    result = predict(model, *faces)
    found = {method: timed_map(model, faces, method) for method in methods}
    size = model.spec.size
    own = [pixel_ranks(heatmap.resized(size, size), tile_noise(size, 0)) for heatmap, _, _ in found.values()]
    orders = [*own, *random_ranks(size, protocol.orders if random else 0)]
    curves = {fill: _curves(result, orders, fill, protocol.steps) for fill in protocol.fills}
    records: list[dict[str, Any]] = [
        {"method": method, "target": target, "seconds": round(seconds, 4), "curves": _rows(curves, slice(i, i + 1))}
        for i, (method, (_, target, seconds)) in enumerate(found.items())
    ]
    if random:
        records.append({"method": RANDOM, "curves": _rows(curves, slice(len(own), None))})
    if donor is not None:
        tiles = Heatmap(tile_noise(size, 1), 0, RANDOM, signed=False, unit="", caption="random tiles")
        maps = {m: heatmap for m, (heatmap, *_) in found.items()} | ({RANDOM: tiles} if random else {})
        games = play(model, faces, donor, maps)
        for record in records:
            record["game"] = [g for g in games if g["method"] == record["method"]]
    return records


def timed_map(model: PairModel, faces: Sequence[FaceBatch], method: str) -> tuple[Heatmap, str, float]:
    """The map of the first face, the scalar it explains (or is judged by), and the seconds that both maps took."""
    result = predict(model, *faces, grad=EXPLAINERS[method].grad)
    start = time.perf_counter()
    heatmap = explain(result, method)[0]
    return heatmap, default_target(result, method) or result.explained, time.perf_counter() - start


def _curves(result: Result, orders: Sequence[np.ndarray], fill: str, steps: int) -> np.ndarray:
    """(T, 2, O, steps + 1): scalars, deletion and insertion, orders."""
    return np.stack(order_curves(result, 0, orders, steps=steps, fill=fill, targets=TARGETS), 1)


def _rows(curves: dict[str, np.ndarray], orders: slice) -> dict[str, dict[str, list[list[float]]]]:
    return {
        fill: {t: np.round(values[i, :, orders].mean(1), 5).tolist() for i, t in enumerate(TARGETS)}
        for fill, values in curves.items()
    }
