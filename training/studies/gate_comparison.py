"""Is a gate worth it? The arms with none, SE and CBAM over several training seeds: accuracy and attention at the eyes.

    python -m training.studies.gate_comparison --runs runs/seeds [--data DIR] [--json OUT.json]

The folder holds one finished run of training.recognition for every arm and seed, named none-0, se-0, cbam-0, none-1 ...
Each is asked about LFW (plain, one face masked, both masked), about MFR2, and where HiRes-CAM lies on MFR2's faces
(training/studies/attention_mass.py). Arms are compared within a seed: the same first trunk, the same order of faces.
The interval of a difference is Student's t over seeds; it says what another seed does, not what other faces would.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models import create_pair
from models.commands import check_file, command
from models.errors import UserError
from models.faces.regions import MASS_REGIONS
from models.pair import PairModel
from models.registry import as_pair
from models.weights import file_sha256
from training.data.crops import Crops
from training.data.sets import Pair, data_root, folder_crops, lfw_pairs, mfr2_pairs
from training.evaluate.masked import FOLDS, MASKED, SEED, deal_folds, masked_crops
from training.evaluate.metrics import fold_accuracy, fold_ci
from training.evaluate.report import write_json
from training.evaluate.scoring import encode_crops, score_pairs, unique_images
from training.evaluate.setup import from_run
from training.studies.attention_mass import Faces, arm_shares, mfr2_faces

GATES = ("none", "se", "cbam")
FIGURES = ("LFW", "LFW, one masked", "LFW, both masked", "MFR2", "HiRes-CAM at the eyes, MFR2")
PROTOCOL = (
    "cosine of single views (no mirror image), networks in bf16, threshold of each fold from the others; LFW view 2 "
    "with drawn masks as in the task masked_lfw, MFR2 as in the task mfr2; the last figure is the mean share of "
    "HiRes-CAM, where positive, at stage 2"
)


@dataclass(frozen=True)
class Sets:
    """What every network is asked about."""

    lfw: list[Pair]
    plain: Crops
    masked: Crops
    mfr2: list[Pair]
    mfr2_faces: Faces

    @classmethod
    def of(cls, root: Path, model: PairModel) -> Sets:
        """Aligned as `model` wants them."""
        pairs, folder = lfw_pairs(root), root / "lfw" / "images"
        names = unique_images(pairs)
        plain, masked = folder_crops(folder, model.spec, names), masked_crops(folder, model.spec, names)
        return cls(pairs, plain, masked, mfr2_pairs(root), mfr2_faces(root, model))


def accuracy_of(model: PairModel, codes: dict[str, Tensor], pairs: Sequence[Pair], fold: np.ndarray) -> float:
    """Mean over the folds, by the cosine."""
    scored = score_pairs(model, codes, pairs)
    return float(fold_accuracy(scored.similarity, scored.same, fold).mean())


def quick_codes(model: PairModel, crops: Crops) -> dict[str, Tensor]:
    """Image name -> code, computed in bf16 (a third of the time on a CPU), in fp32 from there on."""
    with torch.autocast(next(model.parameters()).device.type, torch.bfloat16):
        return {name: code.float() for name, code in encode_crops(model, crops).items()}


def figures(model: PairModel, sets: Sets, what: str) -> dict[str, float]:
    """FIGURES of one network, all in [0, 1]."""
    plain, masked, real = (quick_codes(model, c) for c in (sets.plain, sets.masked, sets.mfr2_faces.crops))
    codes = plain | {name + MASKED: code for name, code in masked.items()}
    fold = np.array([p.fold for p in sets.lfw])
    lists = [
        sets.lfw,
        [replace(p, b=p.b + MASKED) for p in sets.lfw],
        [replace(p, a=p.a + MASKED, b=p.b + MASKED) for p in sets.lfw],
    ]
    folds = deal_folds(np.array([p.same for p in sets.mfr2]), FOLDS, SEED)
    shares = arm_shares(model, sets.mfr2_faces, what)[:, MASS_REGIONS.index("eyes")]
    values = [accuracy_of(model, codes, pairs, fold) for pairs in lists]
    values += [accuracy_of(model, real, sets.mfr2, folds), float(np.nanmean(shares))]
    return dict(zip(FIGURES, values, strict=True))


def finished(runs: Path) -> Iterator[tuple[str, int, Path]]:
    """(gate, seed, weights) of every run in the folder."""
    for state in sorted(runs.glob("*-*/model.safetensors")):
        gate, _, seed = state.parent.name.partition("-")
        if gate in GATES and seed.isdigit():
            yield gate, int(seed), state


def differences(by_run: Mapping[str, Mapping[int, Mapping[str, float]]]) -> dict[str, Any]:
    """Gate minus none, figure by figure, over the seeds that both have."""
    report = {}
    for gate in (g for g in GATES[1:] if by_run[g]):
        seeds = sorted(set(by_run[gate]) & set(by_run["none"]))
        apart = {f: np.array([by_run[gate][s][f] - by_run["none"][s][f] for s in seeds]) for f in FIGURES}
        report[f"{gate} - none"] = {
            f: {"mean": float(v.mean()), "seeds": len(v), "ci95": fold_ci(v) if len(v) > 1 else None}
            for f, v in apart.items()
        }
    return report


def table(report: Mapping[str, Any]) -> str:
    """Every run and every difference as text, in per cent."""
    lines = []
    for gate, seeds in report["runs"].items():
        for seed, row in seeds.items():
            lines.append(f"{gate:5s} seed {seed}  " + "  ".join(f"{f} {100 * row[f]:.2f}" for f in FIGURES))
    for name, row in report["differences"].items():
        lines.append(name)
        for figure, cell in row.items():
            span = "" if cell["ci95"] is None else "  [{:+.2f}, {:+.2f}]".format(*(100 * v for v in cell["ci95"]))
            lines.append(f"  {figure:28s} {100 * cell['mean']:+.2f}{span}")
    return "\n".join(lines)


def _asked(gate: str, seed: int, state: Path, sets: Sets) -> dict[str, float]:
    model, _ = from_run(f"edgeface_{gate}", state)
    return figures(as_pair(model).to(memory_format=torch.channels_last), sets, f"{gate}-{seed}")


def measured(path: Path) -> dict[str, dict[str, float]]:
    """Hash of weights -> FIGURES, of an earlier report by the same protocol: no network is asked twice."""
    report: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"protocol": ""}
    if report["protocol"] != PROTOCOL:
        return {}
    rows = {f"{gate}-{seed}": row for gate, seeds in report["runs"].items() for seed, row in seeds.items()}
    return {report["training"][name]["sha256"]: row for name, row in rows.items()}


def run_facts(state: Path) -> dict[str, Any]:
    """What the run wrote beside its weights, and their hash."""
    facts: dict[str, Any] = json.loads(state.with_suffix(".json").read_text())
    return {**facts, "sha256": file_sha256(state)}


@command()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/gate_comparison.json"))
    args = parser.parse_args(arguments)
    check_file(args.json, "--json")
    found = list(finished(args.runs))
    if not {gate for gate, _, _ in found} >= {"none", "cbam"}:
        raise UserError(f"{args.runs} wants finished runs of the arms to compare, such as none-0 and cbam-0")
    sets = Sets.of(data_root(args.data), create_pair("edgeface_none"))
    runs: dict[str, dict[int, dict[str, float]]] = {gate: {} for gate in GATES}
    facts, known = {f"{gate}-{seed}": run_facts(state) for gate, seed, state in found}, measured(args.json)
    for gate, seed, state in found:
        runs[gate][seed] = known.get(facts[f"{gate}-{seed}"]["sha256"]) or _asked(gate, seed, state, sets)
    report = {"protocol": PROTOCOL, "runs": runs, "differences": differences(runs), "training": facts}
    print(table(report))
    write_json(report, args.json)
    print(f"\nwrote {args.json}")


if __name__ == "__main__":
    main()
