"""What each part of an expression recipe brings, on FER+'s validation part: benchmarks/results/expression_arms.json.

    python -m training.studies.expression_arms [--data DIR] [--only "graph over labels" ...] [--seeds 2]

Every arm is a short run of training/expression.py on the same faces, drawn by the seed, with one thing changed. Runs
lie in --runs, continue where they stopped and are not made twice; rows that are not asked for are kept. FER+'s test
part is never read.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from models.commands import check_file, command
from models.nets.expression import Expression
from models.weights import SHIPPED, file_sha256
from training.data.ferplus import read_votes
from training.data.sets import data_root
from training.evaluate.ferplus import ferplus
from training.evaluate.report import write_json
from training.expression import Settings, faces_of, fit, prepare
from training.studies.summary import RESULTS
from training.tools.checkpoint import command_line, git_commit
from training.tools.expression_export import calibrate
from training.tools.loop import Run, make_accelerator
from training.tools.settings import checked, network_of
from training.tools.voted_faces import VotedFaces

BASE = Settings(epochs=2, limit=12000, warmup=60, patience=9, lr=2e-4)
"""At 4e-4, the rate of the long recipe with its longer warm-up, some arms never left the prior of the classes."""


@dataclass(frozen=True)
class Arm:
    """One thing changed.

    Attributes:
        config: of the network.  how: settings that differ from BASE.
        start: weights that the trunk starts from, from the root of the repository; empty for none.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    how: Mapping[str, Any] = field(default_factory=dict)
    start: str = "weights/edgeface.safetensors"


ARMS: dict[str, Arm] = {
    "votes (base)": Arm(),
    "majority label alone": Arm(how={"labels": "majority"}),
    "label drawn by the votes": Arm(how={"labels": "drawn"}),
    "labels of neighbours in landmark space": Arm(how={"smooth": 0.3}),
    "graph over labels": Arm({"head": "graph"}, how={"head_rate": 1.0}),  # three factors, each at five times: diverges
    "anchors and reliability": Arm({"head": "anchors"}),
    "masked patches": Arm(how={"patches": 0.5}),
    "FER2013's labels beside": Arm({"single": True}),
    "EdgeFace from scratch": Arm(start=""),
    "IR-18": Arm({"trunk": "ir18"}, start="runs/ir18_none/model.safetensors"),
    "IR-18, SE": Arm({"trunk": "ir18", "gate": "se"}, start="runs/ir18_se/model.safetensors"),
    "IR-18, CBAM": Arm({"trunk": "ir18", "gate": "cbam"}, start="runs/ir18_cbam/model.safetensors"),
}
FIGURES = ("accuracy", "macro_f1", "kl", "ece_votes")
PROTOCOL = (
    f"{BASE.limit} faces of FER+'s training part, {BASE.epochs} epochs, the epoch with the best accuracy; FER+'s "
    "validation part, which also chose the epoch and the temperature: figures compare arms and flatter alike"
)


def run_arm(name: str, seed: int, folder: Path, root: Path, parts: Mapping[str, VotedFaces]) -> dict[str, Any]:
    """Train one arm with one seed where that is not done; its figures on the validation part."""
    arm, how = ARMS[name], replace(BASE, seed=seed, **ARMS[name].how)
    torch.manual_seed(seed)
    model = network_of(Expression, "expression", dict(arm.config))
    start = SHIPPED.parent / arm.start if arm.start else None
    train = prepare(model, parts["train"], how, start, root / "faceapi")
    facts = {"model": "expression", "config": json.dumps(dict(arm.config), sort_keys=True)}
    facts |= {"init": file_sha256(start) if start else "", "arm": name}
    fit(model, train, parts["valid"], how, Run(folder, make_accelerator(), seed), facts)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    model.eval()
    calibrate(model, parts["valid"])
    found = ferplus(model, root, "valid")
    return {figure: found[figure] for figure in FIGURES}


def row_of(name: str, seeds: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """An arm's figures: each seed's, and their mean."""
    mean = {figure: sum(seed[figure] for seed in seeds.values()) / len(seeds) for figure in FIGURES}
    return {"name": name, "seeds": dict(seeds), "mean": mean, "command": command_line(), "commit": git_commit()}


def studied(names: list[str], seeds: int, runs: Path, root: Path, target: Path) -> dict[str, Any]:
    """The report, written after every run."""
    report: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {"rows": []}
    report |= {"protocol": PROTOCOL, "faces": len(read_votes(root, "valid").names)}
    known = {row["name"]: row for row in report["rows"]}
    parts = {part: faces_of(root, part, single=True) for part in ("train", "valid")}
    for seed in range(seeds):
        for name in names:
            done = known.get(name, {"seeds": {}})["seeds"]
            if str(seed) in done:
                continue
            folder = runs / f"{list(ARMS).index(name):02d}-{seed}"
            done[str(seed)] = run_arm(name, seed, folder, root, parts)
            known[name] = row_of(name, done)
            report["rows"] = [known[n] for n in ARMS if n in known]
            write_json(report, target)
    return report


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--only", nargs="+", choices=list(ARMS), default=list(ARMS), metavar="ARM", help="these arms")
    parser.add_argument("--seeds", type=int, default=2, help="of each arm")
    parser.add_argument("--runs", type=Path, default=Path("runs/expression_arms"), help="folder of the runs")
    parser.add_argument("--json", type=Path, default=RESULTS / "expression_arms.json")
    args = checked(parser.parse_args())
    check_file(args.json, "--json")
    report = studied(args.only, args.seeds, args.runs, data_root(args.data), args.json)
    for row in report["rows"]:
        print(f"{row['name']:42s}" + "  ".join(f"{figure} {row['mean'][figure]:.4f}" for figure in FIGURES))


if __name__ == "__main__":
    main()
