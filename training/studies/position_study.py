"""Do attention offsets that follow the keypoints help where faces are not aligned? ViTs trained alike, by affine_lfw.

    python -m training.evaluate affine_lfw --model vit_abs --json ABS.json       # also vit_irpe, vit_kprpe
    python -m training.studies.position_study ABS.json IRPE.json KPRPE.json

The first report is the plain ViT's. A loss is the accuracy on aligned faces minus that of a condition. For every other
network: its loss, the share of the plain one's that it is, and how far it lies below half of it; where it was given
other keypoints ("unaligned, jittered"), beside the plain one's on the same pixels ("unaligned"). Folds are paired;
intervals are Student's t over folds, the share's is a bootstrap of folds. They say what other pairs would do, not what
another training seed would. Writes benchmarks/results/position_study.json, a section of docs/results.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.commands import check_file, command
from training.evaluate.metrics import fold_ci
from training.evaluate.report import write_json

DRAWS = 10_000


def fold_losses(report: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Condition -> what each fold loses against its aligned faces."""
    aligned = np.array(report["per_fold"])
    return {name: aligned - np.array(row["per_fold"]) for name, row in report["breakdown"].items()}


def share(loss: np.ndarray, plain: np.ndarray) -> dict[str, Any]:
    """Mean loss over the plain network's, with a 95 % bootstrap interval over folds."""
    rows = np.random.default_rng(0).integers(0, len(loss), (DRAWS, len(loss)))
    ratios = loss[rows].mean(1) / plain[rows].mean(1)
    return {"mean": float(loss.mean() / plain.mean()), "ci95": np.percentile(ratios, [2.5, 97.5]).tolist()}


def interval(values: np.ndarray) -> dict[str, Any]:
    return {"mean": float(values.mean()), "ci95": fold_ci(values)}


def study(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first report is the plain network's.

    Raises:
        ValueError: a report is of another task, or the reports differ in protocol.
    """
    if {r.get("task") for r in reports} != {"affine_lfw"} or len({r["protocol"] for r in reports}) > 1:
        raise ValueError("these are not reports of affine_lfw with one protocol")
    plain = fold_losses(reports[0])
    rows = []
    for report in reports:
        losses = fold_losses(report)
        row = {"weight": report["weight"], "weight_sha256": report["weight_sha256"]}
        row |= {"aligned": interval(np.array(report["per_fold"]))}
        row["losses"] = {name: interval(loss) for name, loss in losses.items()}
        if report is not reports[0]:
            beside = {name: plain[name.split(", ")[0]] for name in losses if name.split(", ")[0] in plain}
            row["shares"] = {name: share(losses[name], base) for name, base in beside.items()}
            row["below_half"] = {name: interval(base / 2 - losses[name]) for name, base in beside.items()}
        rows.append(row)
    return {"protocol": reports[0]["protocol"], "rows": rows}


@command(ValueError, KeyError)
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+", help="of affine_lfw; the plain network's first")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/position_study.json"))
    args = parser.parse_args(arguments)
    check_file(args.json, "--json")
    found = study([json.loads(path.read_text()) for path in args.reports])
    for row in found["rows"]:
        print(row["weight"], f"aligned {100 * row['aligned']['mean']:.2f}")
        for name, loss in row["losses"].items():
            beside = row.get("shares", {}).get(name)  # none for the plain one, and for other keypoints on aligned faces
            part = f"  {beside['mean']:.2f} of the plain one's" if beside else ""
            print(f"  {name:16s} loses {100 * loss['mean']:.2f}{part}")
    write_json(found, args.json)
    print(f"\nwrote {args.json}")


if __name__ == "__main__":
    main()
