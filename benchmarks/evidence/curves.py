"""Deletion and insertion of every method's map beside random orders, for one pair, or one face of a class."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.evidence.game import play
from explain import EXPLAINERS, explain
from explain.core.faithfulness import order_curves, pixel_ranks, random_ranks, tile_noise
from explain.core.findings import Heatmap
from explain.registry import default_target
from models import Result, predict
from models.face_model import FaceModel
from models.faces.face import FaceBatch
from models.outputs import ClassOutput
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
    model: FaceModel,
    faces: Sequence[FaceBatch],
    methods: Sequence[str],
    protocol: Protocol,
    donor: FaceBatch | None = None,
    random: bool = True,
) -> list[dict[str, Any]]:
    """One record a method and one for the random orders: curves of the first face, a second as it is.

    A record holds the method, the scalar it explains, its seconds for all faces, and fill -> scalar -> [deletion,
    insertion], lists of steps + 1 numbers. Of the random orders the mean curves are kept. With a donor, "game" holds
    what benchmarks.evidence.game.play found, for a map of random tiles too. `random` False: without what is random.
    """
    result = predict(model, *faces)
    found = {method: timed_map(model, faces, method) for method in methods}
    rows = order_rows(result, [heatmap for heatmap, _, _ in found.values()], protocol, random)
    scalars = scalars_of(result)
    records: list[dict[str, Any]] = [
        {"method": method, "target": scalars[target], "seconds": round(seconds, 4), "curves": row}
        for (method, (_, target, seconds)), row in zip(found.items(), rows, strict=False)
    ]
    if random:
        records.append({"method": RANDOM, "curves": rows[-1]})
    if donor is not None and isinstance(model, PairModel):
        tiles = Heatmap(tile_noise(model.spec.size, 1), 0, RANDOM, signed=False, unit="", caption="random tiles")
        maps = {m: heatmap for m, (heatmap, *_) in found.items()} | ({RANDOM: tiles} if random else {})
        games = play(model, faces, donor, maps)
        for record in records:
            record["game"] = [g for g in games if g["method"] == record["method"]]
    return records


def order_rows(result: Result, maps: Sequence[Heatmap], protocol: Protocol, random: bool) -> list[Row]:
    """The curves of each map of the first face, and last the mean ones of the random orders, if wanted."""
    size, scalars = result.model.spec.size, scalars_of(result)
    own = [pixel_ranks(heatmap.resized(size, size), tile_noise(size, 0)) for heatmap in maps]
    orders = [*own, *random_ranks(size, protocol.orders if random else 0)]
    curves = {fill: _curves(result, orders, fill, protocol.steps, scalars) for fill in protocol.fills}
    return [_row(curves, i) for i in range(len(own))] + ([_row(curves, len(own), None)] if random else [])


def timed_map(model: FaceModel, faces: Sequence[FaceBatch], method: str) -> tuple[Heatmap, str, float]:
    """The map of the first face, the scalar it explains (or is judged by), and the seconds that maps of all faces take.

    Where one face is explained after another only the first is: all take its seconds once each.
    """
    result = predict(model, *faces, grad=EXPLAINERS[method].grad)
    start = time.perf_counter()
    heatmap = first_map(result, method)
    seconds = (time.perf_counter() - start) * (len(faces) if one_by_one(method) else 1)
    return heatmap, default_target(result, method) or result.explained, seconds


def first_map(result: Result, method: str) -> Heatmap:
    """The map of the first face; those of others are not made where that costs."""
    return explain(result, method, **({"faces": (0,)} if one_by_one(method) else {}))[0]


def one_by_one(method: str) -> bool:
    """Does the method take one face after another?"""
    return "faces" in EXPLAINERS[method].options


def scalars_of(result: Result) -> dict[str, str]:
    """Scalar of the answer -> its name in records: of classes the leading one's logit and probability count."""
    if isinstance(result.output, ClassOutput):
        leading = result.output.leading
        return {leading: "logit", f"P({leading})": "score"}
    return {name: name for name in TARGETS}


Row = dict[str, dict[str, list[list[float]]]]
"""Fill -> name of a scalar -> [deletion, insertion], lists of steps + 1 numbers."""
Curves = dict[str, dict[str, np.ndarray]]
"""Fill -> name of a scalar -> (2, O, steps + 1): deletion and insertion, orders."""


def _curves(
    result: Result, orders: Sequence[np.ndarray], fill: str, steps: int, scalars: Mapping[str, str]
) -> dict[str, np.ndarray]:
    found = order_curves(result, 0, orders, steps=steps, fill=fill, targets=list(scalars))
    return dict(zip(scalars.values(), np.stack(found, 1), strict=True))


def _row(curves: Curves, first: int, count: int | None = 1) -> Row:
    """The mean curves of `count` orders from the first, or of all that follow."""
    orders = slice(first, None if count is None else first + count)
    return {
        fill: {name: np.round(values[:, orders].mean(1), 5).tolist() for name, values in found.items()}
        for fill, found in curves.items()
    }
