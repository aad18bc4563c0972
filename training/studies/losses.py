"""Losses compared alike: softmax, triplet, ArcFace, CosFace, AdaFace, SymFace's term, Partial FC. Which differ?

    python -m training.studies.losses [--only LOSS ...] [--seeds 2] [--data DIR] [--json OUT.json]

One small network on the reference encoder's frozen first stages, one short schedule (training/studies/loss_runs.py),
every loss with its paper's constants. Each run is asked about LFW and MFR2 once, after its last epoch; finished runs
lie under --runs and are not made again. Writes benchmarks/results/losses.json, a section of docs/results.md.

A difference of two losses is that of their mean accuracies over the seeds. Its variance is the sum of two: that of
another training seed, pooled over the losses, and that of other pairs, from the folds. Student's t with Satterthwaite's
degrees of freedom; the intervals of all pairs of losses hold at once (Bonferroni), so that a difference whose interval
leaves 0 out can be told apart. Satterthwaite, "An approximate distribution of estimates of variance components",
Biometrics Bulletin 2, 1946.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t
from torch import nn

from models.commands import check_file, command
from training.data.sets import Pair, data_root, folder_crops, lfw_pairs, mfr2_pairs
from training.data.stage_maps import stage_maps
from training.evaluate.masked import FOLDS, SEED, deal_folds
from training.evaluate.metrics import auc, fold_accuracy, fold_ci
from training.evaluate.report import write_json
from training.evaluate.scoring import unique_images
from training.studies.loss_runs import LOSSES, Schedule, codes, faces, train, trunk
from training.tools.settings import checked

SETS = ("LFW", "MFR2")
PROTOCOL = (
    "cosine of single views (no mirror image), threshold of each fold from the others; LFW view 2 and MFR2, detected "
    "and aligned as in the app"
)


@dataclass(frozen=True)
class Asked:
    """A set that every run is asked about.

    Attributes:
        maps: (N, 8, 8, 128) of its images.  rows: (P, 2) into them.  same: (P,) bool.  fold: (P,) int.
    """

    maps: np.ndarray
    rows: np.ndarray
    same: np.ndarray
    fold: np.ndarray

    def answer(self, network: nn.Module) -> dict[str, Any]:
        """Accuracy of every fold, and the AUC."""
        unit = codes(network, self.maps)
        similarity = (unit[self.rows[:, 0]] * unit[self.rows[:, 1]]).sum(1).double().numpy()
        folds = fold_accuracy(similarity, self.same, self.fold)
        return {"folds": folds.tolist(), "auc": auc(similarity, self.same)}


def asked(root: Path, model: Any) -> dict[str, Asked]:
    """SETS, as the reference encoder's maps."""
    lfw, mfr2 = lfw_pairs(root), mfr2_pairs(root)
    dealt = deal_folds(np.array([p.same for p in mfr2]), FOLDS, SEED)
    lists = (
        ("LFW", lfw, root / "lfw" / "images", np.array([p.fold for p in lfw])),
        ("MFR2", mfr2, root / "mfr2", dealt),
    )
    return {name: _asked(name, pairs, folder, fold, model) for name, pairs, folder, fold in lists}


def _asked(name: str, pairs: Sequence[Pair], folder: Path, fold: np.ndarray, model: Any) -> Asked:
    names = unique_images(pairs)
    crops = folder_crops(folder, model.spec, names)
    rows = np.array([[crops.row[p.a], crops.row[p.b]] for p in pairs])
    maps = stage_maps(model.trunk, crops, "plain", name.lower())
    return Asked(maps, rows, np.array([p.same for p in pairs]), fold)


def row(loss: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A loss over its seeds; the interval of an accuracy is Student's t over folds, of the mean over seeds."""
    found: dict[str, Any] = {"loss": loss, **asdict(LOSSES[loss]), "seeds": [run["seed"] for run in runs]}
    for name in SETS:
        folds = np.array([run[name]["folds"] for run in runs])
        found[name] = {
            "accuracy": float(folds.mean()),
            "accuracy_ci95": fold_ci(folds.mean(0)),
            "per_seed": folds.mean(1).tolist(),
            "auc": float(np.mean([run[name]["auc"] for run in runs])),
        }
    return {**found, "held_out_auc": [run["held_out_auc"] for run in runs]}


def differences(by_loss: Mapping[str, Sequence[np.ndarray]]) -> list[dict[str, Any]]:
    """Every two losses, the better one first.

    Args:
        by_loss: loss -> of each seed the accuracy of every fold; as many seeds for every loss, two or more.
    """
    seeds = len(next(iter(by_loss.values())))
    spread = float(np.mean([np.var([f.mean() for f in runs], ddof=1) for runs in by_loss.values()]))
    pairs, free = list(combinations(by_loss, 2)), len(by_loss) * (seeds - 1)
    found = []
    for pair in pairs:
        a, b = sorted(pair, key=lambda name: -float(np.mean(by_loss[name])))
        gap = np.mean(by_loss[a], 0) - np.mean(by_loss[b], 0)
        parts = np.array([2 * spread / seeds, gap.var(ddof=1) / len(gap)])
        half = _quantile(parts, np.array([free, len(gap) - 1]), 1 - 0.025 / len(pairs)) * np.sqrt(parts.sum())
        mean = float(gap.mean())
        found.append({"better": a, "worse": b, "mean": mean, "ci95": [mean - float(half), mean + float(half)]})
    return found


def _quantile(variances: np.ndarray, free: np.ndarray, level: float) -> float:
    """Of Student's t, for a sum of independent variances with `free` degrees of freedom each (Satterthwaite)."""
    if not variances.any():
        return 0.0
    return float(t.ppf(level, variances.sum() ** 2 / (variances**2 / free).sum()))


def report(runs: Sequence[Mapping[str, Any]], how: Schedule) -> dict[str, Any]:
    """What the file says; differences where every loss has the same two seeds or more."""
    by_loss = {name: sorted((r for r in runs if r["loss"] == name), key=lambda r: r["seed"]) for name in LOSSES}
    by_loss = {name: found for name, found in by_loss.items() if found}
    seeds = [[r["seed"] for r in found] for found in by_loss.values()]
    alike = len(by_loss) > 1 and len(seeds[0]) > 1 and all(s == seeds[0] for s in seeds)
    folds = {s: {n: [np.array(r[s]["folds"]) for r in found] for n, found in by_loss.items()} for s in SETS}
    return {
        "command": "python -m training.studies.losses",
        "protocol": PROTOCOL,
        "schedule": asdict(how),
        "faces": runs[0]["faces"],
        "identities": runs[0]["identities"],
        "rows": [row(name, found) for name, found in by_loss.items()],
        "differences": {s: differences(folds[s]) for s in SETS} if alike else {},
    }


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(LOSSES), default=list(LOSSES), metavar="LOSS")
    parser.add_argument("--seeds", type=int, default=2, help="runs of every loss")
    parser.add_argument("--epochs", type=int, default=Schedule.epochs)
    parser.add_argument("--runs", type=Path, default=Path("runs/losses"))
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/losses.json"))
    return checked(parser.parse_args(arguments))


@command()
def main(arguments: Sequence[str] | None = None) -> None:
    args = parse(arguments)
    check_file(args.json, "--json")
    root, how, model = data_root(args.data), Schedule(epochs=args.epochs), trunk()
    learnt, held = faces(root, model)
    sets = asked(root, model)
    for seed in range(args.seeds):
        for name in args.only:
            path = args.runs / f"{name.replace(' ', '_')}-{seed}-{how.epochs}.json"
            if path.exists():
                continue
            print(f"{name}, seed {seed}", flush=True)
            network, curve = train(LOSSES[name], learnt, held, how, seed)
            answers = {key: found.answer(network) for key, found in sets.items()}
            facts = {"loss": name, "seed": seed, "faces": len(learnt.labels), "identities": learnt.classes}
            write_json({**facts, "held_out_auc": curve, **answers}, path)
    runs = [json.loads(path.read_text()) for path in sorted(args.runs.glob(f"*-{how.epochs}.json"))]
    write_json(report(runs, how), args.json)
    print(f"wrote {args.json}")


if __name__ == "__main__":
    main()
