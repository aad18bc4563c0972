"""How far are the first figures of the parts, from 32 sets of parts, from the exact ones of all 256?

    python -m benchmarks.evidence.part_choices [--models edgeface_kin ...] [--pairs 10]

The first face of pairs of the held-out training families, which choose, covered in all 256 ways. Beside the figures
that the page shows first stand either half of them alone, and Kernel SHAP on random sets with their complements, as
many as the page asks (Covert and Lee, AISTATS 2021; weighted by size as in Lundberg and Lee, NeurIPS 2017).
Writes benchmarks/results/part_choices.json and its table in docs/evidence.md. Some four seconds a pair on one core.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.evidence.by_weight import Benchmark
from benchmarks.evidence.page import write_parts
from benchmarks.evidence.patch_choices import chosen_on
from explain.core.first_parts import ALL, EIGHT, FIRST_SETS, ends, first_shapley, halves
from explain.core.parts import shapley
from explain.methods.part_shapley import part_values
from models import load_model, predict, read_sidecar

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "part_choices.json"
AS_SHIPPED, ENDS, HALVES, RANDOM = "as shown first", "ends alone", "halves alone", "Kernel SHAP, random sets"
SETS = {AS_SHIPPED: len(FIRST_SETS), ENDS: 18, HALVES: 16, RANDOM: len(FIRST_SETS)}
"""How many sets of parts each estimate asks."""


def estimates(values: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Name of a row -> (8,) estimates of the Shapley values of a game of eight players.

    Args:
        values: (256,) v of each set.  seed: of the random sets.
    """
    first = values[list(FIRST_SETS)].astype(np.float64)
    gap = float(first[1] - first[0])

    def alone(part: np.ndarray) -> np.ndarray:
        return part - part.mean() + gap / EIGHT

    return {
        AS_SHIPPED: first_shapley(first),
        ENDS: alone(ends(first)),
        HALVES: alone(halves(first)),
        RANDOM: kernel_shap(values.astype(np.float64), paired_sets(len(FIRST_SETS) - 2, seed)),
    }


def paired_sets(count: int, seed: int) -> np.ndarray:
    """(count,) sets, with their complements, drawn without replacement: sizes as often as Kernel SHAP weighs them."""
    random = np.random.default_rng(seed)
    sets = np.arange(1, 2 ** (EIGHT - 1))  # one of every pair: those without the last player
    weights = np.array([_weight(int(s).bit_count()) for s in sets])
    drawn = random.choice(sets, count // 2, replace=False, p=weights / weights.sum())
    return np.concatenate([drawn, ALL - drawn])


def _weight(size: int) -> float:
    """Kernel SHAP's weight of one set of a size."""
    return (EIGHT - 1) / (math.comb(EIGHT, size) * size * (EIGHT - size))


def kernel_shap(values: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """(8,) the additive game nearest to v on the drawn sets, which adds up to v(all) - v(none)."""
    gap = values[ALL] - values[0]
    inside = (sets[:, None] >> np.arange(EIGHT) & 1).astype(float)
    system = np.block([[inside.T @ inside, np.ones((EIGHT, 1))], [np.ones((1, EIGHT)), np.zeros((1, 1))]])
    wanted = np.append(inside.T @ (values[sets] - values[0]), gap)
    return np.linalg.lstsq(system, wanted, rcond=None)[0][:EIGHT]


def rows_of(games: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """A row an estimate: how far off it is over all parts of all games."""
    exact = np.array([shapley(values) for values in games])
    found = [estimates(values, seed) for seed, values in enumerate(games)]
    rows = []
    for name, sets in SETS.items():
        off = np.abs(np.array([one[name] for one in found]) - exact)
        median, q95, most = (round(float(q), 4) for q in np.quantile(off, (0.5, 0.95, 1)))
        rows.append({"row": name, "sets": sets, "median": median, "q95": q95, "most": most})
    return rows


def measured(weight: str, each: int, data: Path) -> dict[str, Any]:
    """The figures of one weight on `each` pairs of either kind."""
    model, sidecar = load_model(weight, "cpu"), read_sidecar(weight)
    pairs = chosen_on(sidecar.task, data, model.spec, each)
    numbers = tqdm(range(2 * each), desc=weight, unit="pair")
    games = [part_values(predict(model, *pairs.faces(n)), faces=(0,))[0].values for n in numbers]
    largest = float(np.mean([np.abs(shapley(values)).max() for values in games]))
    common = {"sha256": sidecar.sha256, "target": predict(model, *pairs.faces(0)).explained, "count": 2 * each}
    return {**common, "largest": round(largest, 4), "rows": rows_of(games)}


COMMAND = Benchmark(
    "benchmarks.evidence.part_choices",
    "First figures of the parts: how far are they from the exact ones?",
    ("dlib_kin", "dlib_resnet", "edgeface", "edgeface_kin", "facor", "partial_average", "vit_kprpe"),
    10,
    RESULTS,
    write_parts,
    {"source": "held-out training families"},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each weight, keep those of other weights in the file, write."""
    COMMAND.run(COMMAND.parse(arguments), measured)


if __name__ == "__main__":
    main()
