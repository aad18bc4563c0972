"""How large a patch does occlusion want, and how many?

    python -m benchmarks.evidence.patch_choices [--models edgeface_kin expression] [--pairs 30]

The curves and random orders of the benchmark of evidence, on faces that choose: pairs of the held-out training families
for kinship and for the same person, FER+'s validation part for expression. HiRes-CAM stands beside them, the best map
of one backward pass.
Writes benchmarks/results/patch_choices.json and its table in docs/evidence.md. A weight is measured in one go, some ten
seconds a pair on one core.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

from benchmarks.evidence.by_weight import Benchmark
from benchmarks.evidence.curves import RANDOM, Protocol, order_rows, scalars_of
from benchmarks.evidence.page import write_patches
from benchmarks.evidence.pairs import Drawn, DrawnFaces, alternating, drawn
from benchmarks.evidence.summary import summarise
from explain import explain
from explain.methods.occlusion import patch_masks, sides
from models import load_model, predict, read_sidecar
from models.faces.face import InputSpec
from models.predict import Result
from training.data.kin_batches import held_out_list, split
from training.data.sets import Pair, fiw_crops, fiw_train_pairs
from training.tools.calibration import identity_pairs
from training.tools.verification_export import held_out_names

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "patch_choices.json"
TRIED = ((6, 15), (5, 9), (4, 7), (3, 5))
"""Side of the crop over the patch's, and patches a side."""
BESIDE = "hires_cam"
PROTOCOL = Protocol()


def chosen_on(task: str, root: Path, spec: InputSpec, each: int) -> Drawn | DrawnFaces:
    """Pairs, or faces, on which a choice may be made.

    Raises:
        ValueError: a task without any.  DataError: the data are not there.
    """
    if task == "expression":
        return drawn(task, root, spec, each)
    if task not in ("kinship", "verification"):
        raise ValueError(f"there are no pairs to choose on for {task}")
    crops = fiw_crops(root, "train", spec)
    held = (
        held_out_list(crops.names, split(fiw_train_pairs(root))[1])
        if task == "kinship"
        else same_person_list(held_out_names(crops))
    )
    return Drawn(tuple(alternating(held, each)), crops, "held-out training families")


def same_person_list(names: Sequence[str]) -> list[Pair]:
    """Pairs of photos of one person, and of people of two families."""
    pairs, same = identity_pairs(names, negatives=1)
    return [Pair(names[a], names[b], bool(one)) for (a, b), one in zip(pairs, same, strict=True)]


def records_of(number: int, same: bool | None, result: Result, protocol: Protocol) -> list[dict[str, Any]]:
    """A record a choice, one of BESIDE, and one for the random orders."""
    size, found, seconds = result.model.spec.size, [], []
    for grid in TRIED:
        patch, stride = sides(size, *grid)
        start = time.perf_counter()
        found.append(explain(result, "occlusion", patch=patch, stride=stride)[0])
        seconds.append(time.perf_counter() - start)
    found.append(explain(result, BESIDE)[0])
    rows = order_rows(result, found, protocol, random=True)
    target = scalars_of(result)[result.explained]
    names = [*map(json.dumps, TRIED), BESIDE, RANDOM]
    common = {"pair": number, "same": same, "target": target}
    times = [*seconds, 0.0, 0.0]
    return [{**common, "method": n, "seconds": s, "curves": row} for n, s, row in zip(names, times, rows, strict=True)]


def measured(weight: str, each: int, data: Path, protocol: Protocol = PROTOCOL) -> dict[str, Any]:
    """The figures of one weight on `each` pairs of either kind, or twice as many faces."""
    model, sidecar = load_model(weight, "cpu"), read_sidecar(weight)
    pairs, records = chosen_on(sidecar.task, data, model.spec, each), []
    for n in tqdm(range(2 * each), desc=weight, unit="pair"):
        records += records_of(n, pairs.same(n), predict(model, *pairs.faces(n), grad=True), protocol)
    figures, rows = summarise(records, None), []
    for grid in TRIED:
        name = json.dumps(grid)
        seconds = median(r["seconds"] for r in records if r["method"] == name)
        answers = len(patch_masks(model.spec.size, *sides(model.spec.size, *grid)))
        row = {"patch": grid[0], "side": grid[1], "answers": answers, "seconds": round(seconds, 3)}
        rows.append({**row, **_shares(figures[name], protocol)})
    unit = "faces" if sidecar.task == "expression" else "pairs"
    source = "FER+'s validation part" if sidecar.task == "expression" else "held-out training families"
    beside = {"method": BESIDE, **_shares(figures[BESIDE], protocol)}
    common = {"sha256": sidecar.sha256, "unit": unit, "source": source, "count": 2 * each}
    return {**common, "rows": rows, "beside": beside}


def _shares(figures: dict[str, Any], protocol: Protocol) -> dict[str, Any]:
    """Both fills, and each."""
    return {
        "both": figures["beats_random"]["pairs"],
        **{f: figures[f]["beats_random"]["pairs"] for f in protocol.fills},
    }


COMMAND = Benchmark(
    "benchmarks.evidence.patch_choices",
    "Occlusion: which patch?",
    ("edgeface_kin", "expression"),
    30,
    RESULTS,
    write_patches,
    {"protocol": PROTOCOL.to_json()},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each weight, keep those of other weights in the file, write."""
    COMMAND.run(COMMAND.parse(arguments), measured)


if __name__ == "__main__":
    main()
