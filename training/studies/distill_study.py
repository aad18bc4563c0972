"""Faces told apart after distillation: LFW for each distilled backbone.

    RUN=runs/svit_distill
    python -m training.evaluate lfw --model svit --state $RUN/model.safetensors --json $RUN/lfw.json
    python -m training.evaluate lfw --model ir18_none --json ir18_none.json
    python -m training.studies.distill_study $RUN/lfw.json ir18_none.json

A report lies beside the weights of its run, or is on a shipped weight. Writes benchmarks/results/distill_study.json, a
section of docs/results.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.commands import check_file, command
from models.weights import WeightError, file_sha256, read_sidecar
from training.evaluate.report import write_json

FIGURES = ("weight", "weight_sha256", "protocol", "accuracy", "accuracy_ci95", "auc", "undetected", "single_view")


def row_of(file: Path) -> dict[str, Any]:
    """A report of the task lfw with how its weights were made: command, steps and held-out cosine of the distillation.

    Raises:
        ValueError: the weights it is on are neither beside it nor shipped.
    """
    try:
        report: dict[str, Any] = json.loads(file.read_text())
        facts = made(file.parent / "model.safetensors", report)
    except (OSError, WeightError) as error:
        raise ValueError(f"{file} is no report on a run or a shipped weight: {error}") from error
    return {"model": report["model"], **{name: report[name] for name in FIGURES}, **facts}


def made(state: Path, report: dict[str, Any]) -> dict[str, Any]:
    """command, and for a run its steps and held-out cosine."""
    if state.exists():
        own, facts = file_sha256(state), json.loads(state.with_suffix(".json").read_text())
        found = {name: facts[name] for name in ("command", "config", "steps", "held_out_cosine")}
    else:
        sidecar = read_sidecar(report["weight"])
        own, found = sidecar.sha256, {"command": sidecar.command}
    if report["weight_sha256"] != own:
        raise ValueError(f"the report on {report['weight']} is on other weights than these: evaluate it again")
    return found


@command(ValueError)
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+", help="of the task lfw")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/distill_study.json"))
    args = parser.parse_args(arguments)
    check_file(args.json, "--json")
    rows = [row_of(file) for file in args.reports]
    for row in rows:
        print(f"{row['weight']:24s} {100 * row['accuracy']:.2f}")
    write_json({"rows": rows}, args.json)
    print(f"\nwrote {args.json}")


if __name__ == "__main__":
    main()
