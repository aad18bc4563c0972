"""Patched photos: does a map find what was put into a face?

    python -m benchmarks.evidence.patched [--models NAME ...] [--methods NAME ...] [--pairs 25]

After PatchLFW (Lu, Xu, Ebrahimi, "Explainable Face Verification via Feature-Guided Gradient Backpropagation", 2024).
Into the first face of a pair 27 random patches, of 16 x 16 pixels of a crop of 112, are copied from another photo at
the same places: for pairs that are different from the second face, which makes them alike; for pairs that are the same
from a stranger, which makes them differ. The map of the patched pair is made, and the first 5, 10, ... 95 % of its
pixels get their own content back: from the top where patches speak for "the same", from the bottom of a signed map
where they speak against it. A map that has found the patches mends the wrong answers sooner than random orders do.

Reported are the areas under the two error rates at the weight's threshold against the share that was restored: false
matches (FMR) and false non-matches (FNMR). Writes benchmarks/results/patched.json and a table of docs/evidence.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.evidence.__main__ import source_of
from benchmarks.evidence.by_weight import Benchmark
from benchmarks.evidence.curves import RANDOM, first_map
from benchmarks.evidence.page import write_patched
from benchmarks.evidence.pairs import SEED, Drawn, drawn
from benchmarks.evidence.summary import area, mean_with_interval
from explain import EXPLAINERS, methods_for
from explain.core.faithfulness import pixel_ranks, random_ranks, tile_noise
from explain.core.findings import Heatmap
from models import available_weights, load_pair, predict, read_sidecar
from models.faces.face import FaceBatch
from models.pair import PairModel
from models.tasks import TASKS

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "patched.json"
PATCHES, SIDE = 27, 16 / 112
"""Patches of a photo, and their side as a share of the crop's."""
SHARES = np.linspace(0, 0.95, 20)
"""Of the pixels that are restored."""
ORDERS = 5
"""Random orders, the baseline."""


def patches(size: int, draw: np.random.Generator) -> np.ndarray:
    """(size, size) bool: where the patches lie, fully inside the crop; they may meet."""
    side = max(1, round(SIDE * size))
    mask = np.zeros((size, size), bool)
    for y, x in draw.integers(0, size - side + 1, (PATCHES, 2)):
        mask[y : y + side, x : x + side] = True
    return mask


def patched(face: FaceBatch, other: FaceBatch, mask: np.ndarray) -> FaceBatch:
    """A face with another's pixels where the mask is."""
    return face.with_image(torch.where(torch.from_numpy(mask), other.image, face.image))


def order_of(heatmap: Heatmap, size: int, same: bool) -> np.ndarray:
    """(size, size) in [0, 1): 0 for the pixel that is restored first."""
    values = heatmap.resized(size, size)
    against = same and heatmap.signed
    return pixel_ranks(-values if against else values, tile_noise(size, 0))


@torch.no_grad()
def scores(
    model: PairModel, own: FaceBatch, changed: FaceBatch, mate: FaceBatch, orders: Sequence[np.ndarray]
) -> np.ndarray:
    """(O, shares) scores while a changed face gets its own pixels back in each of the orders."""
    code, found = model.encode(mate.image, mate.keypoints), []
    for order in orders:
        back = torch.from_numpy(order[None] < SHARES[:, None, None])[:, None]
        images = torch.where(back, own.image, changed.image)
        mine = model.encode(images, own.keypoints.expand(len(images), -1, -1))
        found.append(model.answer(mine, code.expand_as(mine)).scalar("score").double().numpy())
    return np.stack(found)


def pair_record(model: PairModel, pairs: Drawn, number: int, methods: Sequence[str]) -> dict[str, Any]:
    """Method -> scores along SHARES; RANDOM -> those of each random order."""
    own, mate = pairs.faces(number)
    source, same = pairs.donor(number), bool(pairs.same(number))
    size = model.spec.size
    mask = patches(size, np.random.default_rng([SEED, number]))
    changed = patched(own, mate if source is None else source, mask)
    maps = {m: first_map(predict(model, changed, mate, grad=EXPLAINERS[m].grad), m) for m in methods}
    orders = [*(order_of(heatmap, size, same) for heatmap in maps.values()), *random_ranks(size, ORDERS)]
    found = scores(model, own, changed, mate, orders)
    named = dict(zip(methods, found, strict=False))
    return {"same": same, RANDOM: found[len(maps) :], **named}


def figures(records: Sequence[dict[str, Any]], methods: Sequence[str], threshold: float) -> dict[str, Any]:
    """Method -> "fmr" and "fnmr" -> area under the error rate, and by how much the random orders' is larger.

    The difference is a mean over pairs with its 95 % interval. RANDOM has the areas alone, and the rate with all
    patches in place.
    """
    found: dict[str, Any] = {m: {} for m in (*methods, RANDOM)}
    for rate, same in (("fmr", False), ("fnmr", True)):
        rows = [r for r in records if r["same"] == same]
        wrong = {m: [(np.atleast_2d(r[m]) >= threshold) != same for r in rows] for m in found}
        areas = {m: np.array([np.mean([area(order) for order in of_pair]) for of_pair in w]) for m, w in wrong.items()}
        for m in methods:
            found[m][rate] = {"area": float(areas[m].mean()), "sooner": mean_with_interval(areas[RANDOM] - areas[m])}
        start = float(np.mean([of_pair[:, 0].mean() for of_pair in wrong[RANDOM]]))
        found[RANDOM][rate] = {"area": float(areas[RANDOM].mean()), "start": start, "pairs": len(rows)}
    return found


def measured(weight: str, each: int, data: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """All figures of one weight."""
    model, sidecar = load_pair(weight, "cpu"), read_sidecar(weight)
    pairs = drawn(sidecar.task, data, model.spec, each)
    assert isinstance(pairs, Drawn)
    methods = [m for m in methods_for(model) if m in wanted]
    records = [pair_record(model, pairs, n, methods) for n in tqdm(range(2 * each), desc=weight, unit="pair")]
    common = {"sha256": sidecar.sha256, "source": source_of(sidecar.task), "threshold": sidecar.rule.threshold}
    return {**common, "methods": figures(records, methods, sidecar.rule.threshold)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each weight, keep those of other weights in the file, write."""
    pairs = [w for w in available_weights() if TASKS[read_sidecar(w).task].faces == 2]
    command = Benchmark("benchmarks.evidence.patched", __doc__ or "", pairs, 25, RESULTS, write_patched, {})
    parser = command.parser()
    parser.add_argument("--methods", nargs="+", choices=list(EXPLAINERS), default=list(EXPLAINERS), metavar="NAME")
    asked = command.parse(arguments, parser)
    command.run(asked, partial(measured, wanted=asked.methods))


if __name__ == "__main__":
    main()
