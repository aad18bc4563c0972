"""Does attention help partial faces? Networks trained alike but for one thing, by the columns of PartialLFW.

    python -m training.evaluate partial_lfw --model partial_face --maps --json RUN/partial_lfw.json
    python -m training.evaluate partial_lfw --model partial_average --state RUN/model.safetensors --json ...
    python -m training.studies.part_study runs/partial_face_partial runs/partial_average_partial
    runs/partial_average_whole

Every folder holds a finished run of training.partial and its report, partial_lfw.json, on the run's weights or on the
weight exported from them. The others are compared with the first one where they answered the same pairs and sizes:
differences within a fold, their 95 % interval by Student's t over folds. It says what other pairs would do, not what
another training seed would. A run that was measured on fewer shows what its part maps do (--maps), no accuracy. Writes
benchmarks/results/part_study.json, a section of docs/results.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.commands import check_file, command
from models.weights import WeightError, file_sha256, read_sidecar
from training.evaluate.metrics import fold_ci
from training.evaluate.report import write_json

TITLES = {"partial_face": "attention", "partial_average": "average pooling"}


def label(facts: Mapping[str, Any]) -> str:
    """What a run is called: its network, and what is unusual about it.

    Args:
        facts: of the run's model.json.
    """
    config = json.loads(facts.get("config", "{}"))
    words = [TITLES.get(facts["model"], facts["model"])]
    if "parts" in config:
        words.append(f"K = {config['parts']}")
    if not config.get("recalibrate", True):
        words.append("without recalibration")
    if facts["model"] == "partial_face" and not facts["diversity"]:
        words.append("without L_wDIV")
    if not facts["partial"]:
        words.append("whole faces only")
    return ", ".join(words)


def row_of(run: Path) -> dict[str, Any]:
    """One run: what it is called, how it was made, what was measured.

    Raises:
        ValueError: a file is missing, or the report is on other weights than the run's.
    """
    state, report_file = run / "model.safetensors", run / "partial_lfw.json"
    try:
        facts = json.loads(state.with_suffix(".json").read_text())
        report: dict[str, Any] = json.loads(report_file.read_text())
        own = {file_sha256(state), *_exported(facts["model"])}
    except OSError as error:
        raise ValueError(f"{run} is no finished, evaluated run of training.partial: {error}") from error
    if report["weight_sha256"] not in own:
        raise ValueError(f"{report_file} is on other weights than this run's: evaluate it again")
    kept = ("runs", "pairs", "accuracy", "accuracy_ci95", "per_fold")
    columns = {name: {k: values[k] for k in kept} for name, values in report["breakdown"].items()}
    row = {"name": label(facts), "training": facts, **{k: report[k] for k in ("weight", "protocol", "inference")}}
    return row | {"columns": columns, **({"maps": report["maps"]} if "maps" in report else {})}


def _exported(name: str) -> list[str]:
    """Hash of the shipped weight of this name, if there is one."""
    try:
        return [read_sidecar(name).sha256]
    except WeightError:
        return []


def comparable(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, without the accuracies of those that answered other pairs or sizes than the first.

    Raises:
        ValueError: rows of one name, or one without accuracies and without part maps.
    """
    if len({row["name"] for row in rows}) < len(rows):
        raise ValueError("two of these runs have one name: they differ in nothing that this study is about")
    counts = [{name: (c["runs"], c["pairs"]) for name, c in row["columns"].items()} for row in rows]
    kept = [row if count == counts[0] else row | {"columns": {}} for row, count in zip(rows, counts, strict=True)]
    for row in kept:
        if not row["columns"] and "maps" not in row:
            raise ValueError(f"{row['name']} answered other pairs or sizes than the first run: evaluate it again")
    return kept


def compared(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """The first row minus each other one with accuracies: name -> column -> mean and interval, paired by fold."""
    first, *others = rows
    apart: dict[str, dict[str, dict[str, Any]]] = {}
    for row in (r for r in others if r["columns"]):
        folds = {name: [np.array(r["columns"][name]["per_fold"]) for r in (first, row)] for name in row["columns"]}
        differences = {name: a - b for name, (a, b) in folds.items()}
        apart[row["name"]] = {n: {"mean": float(d.mean()), "ci95": fold_ci(d)} for n, d in differences.items()}
    return apart


@command(ValueError)
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="run folders; the others are compared with the first")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/part_study.json"))
    args = parser.parse_args(arguments)
    check_file(args.json, "--json")
    rows = comparable([row_of(run) for run in args.runs])
    apart = compared(rows)
    for row in rows:
        print(row["name"], *(f"{name} {100 * c['accuracy']:.2f}" for name, c in row["columns"].items()), sep="  ")
    for name, columns in apart.items():
        print(f"{rows[0]['name']} - {name}")
        for column, cell in columns.items():
            low, high = (100 * v for v in cell["ci95"])
            print(f"  {column:28s} {100 * cell['mean']:+.2f} [{low:+.2f}, {high:+.2f}]")
    write_json({"rows": rows, "differences": apart}, args.json)
    print(f"\nwrote {args.json}")


if __name__ == "__main__":
    main()
