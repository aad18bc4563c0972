"""Would a longer training name more of FER2013's labels? Written to benchmarks/results/expression_curve.json.

    python -m training.studies.expression_curve [--data DIR] [--epochs 2]

The shipped expression network learns on by its recipe (training/expression.py), FER2013's labels with full weight.
After every epoch both heads are measured on the validation part; before and after, on as many training faces too, as
they are stored. The run lies in --runs and goes on where it stopped. FER+'s test part and FER2013's are never read.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from models.commands import check_file, command
from models.nets.expression import Expression
from models.weights import SHIPPED, file_sha256, read_sidecar
from training.data.sets import data_root
from training.evaluate.report import write_json
from training.expression import Settings, faces_of, fit, prepare
from training.studies.summary import RESULTS
from training.tools.checkpoint import command_line, git_commit
from training.tools.loop import Run, make_accelerator, read_log
from training.tools.settings import checked, network_of
from training.tools.voted_faces import VotedFaces, majority_accuracy

WEIGHT = "expression"
HOW = Settings(epochs=2, lr=1.5e-4, warmup=100, decay=0.8, head_rate=4.0, single_loss=1.0, patience=9)
NAMES = {"held_out_single": "labels", "held_out_accuracy": "majority"}
"""As majority_accuracy calls them -> in the file: accuracy on FER2013's labels, and on the majority of the votes."""


def accuracies(model: Expression, faces: VotedFaces) -> dict[str, float]:
    found = majority_accuracy(model, faces, next(model.parameters()).device)
    return {name: found[key] for key, name in NAMES.items()}


def studied(how: Settings, folder: Path, parts: dict[str, VotedFaces]) -> dict[str, Any]:
    """Train on from the shipped network; the report."""
    torch.manual_seed(how.seed)
    sidecar, start = read_sidecar(WEIGHT), SHIPPED / f"{WEIGHT}.safetensors"
    model = network_of(Expression, sidecar.model, dict(sidecar.config))
    train = prepare(model, parts["train"], how, start, Path())
    some = train.some(len(parts["valid"].crops), how.seed)
    before = {"train": accuracies(model, some), "valid": accuracies(model, parts["valid"])}
    fit(model, train, parts["valid"], how, Run(folder, make_accelerator(), how.seed), {"init": file_sha256(start)})
    trials = [row for row in read_log(folder / "log.jsonl") if "held_out_single" in row]
    return {
        "weight": WEIGHT,
        "sha256": sidecar.sha256,
        "before": before,
        "epochs": [{name: row[key] for key, name in NAMES.items()} for row in trials],
        "train_after": accuracies(model, some),
        "faces": {"train": len(train.crops), "valid": len(parts["valid"].crops)},
        "command": command_line(),
        "commit": git_commit(),
    }


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--epochs", type=int, default=HOW.epochs)
    parser.add_argument("--runs", type=Path, default=Path("runs/expression_curve"), help="folder of the run")
    parser.add_argument("--json", type=Path, default=RESULTS / "expression_curve.json")
    args = checked(parser.parse_args())
    check_file(args.json, "--json")
    root, how = data_root(args.data), replace(HOW, epochs=args.epochs)
    report = studied(how, args.runs, {part: faces_of(root, part, single=True) for part in ("train", "valid")})
    write_json(report, args.json)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
