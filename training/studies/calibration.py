"""How far the probabilities and thresholds of the kinship weights travel.

    python -m training.studies.calibration [--models NAME ...] [--pairs LIST.csv --images DIR] [--data DIR]

For every weight: pairs of its held-out families, with the shipped threshold and probability (fitted on these very
pairs) and cross-fitted (training/tools/crossfit.py: on families that the fit did not see); and the same on a list of
other photos where one is given. A row stays until its weight changes or it is measured again. Writes
benchmarks/results/calibration.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from models.commands import check_file, command
from models.pair import PairModel
from models.weights import Sidecar, available_weights, load_pair, read_sidecar
from training.calibrate import answered, compared
from training.data.kin_batches import held_out_list
from training.data.sets import Pair, data_root, fiw_crops, fiw_train_pairs, image_names
from training.data.sets import family_of as family
from training.evaluate.report import write_json
from training.evaluate.scoring import compare_all, encode_crops, sigmoid, unique_images
from training.points import held_out_families
from training.studies.summary import RESULTS
from training.tools.crossfit import cross_fit, figures_of


def held_out(model: PairModel, sidecar: Sidecar, root: Path) -> dict[str, Any]:
    """Figures on the pairs of the families that the training held out."""
    families = set(held_out_families(sidecar, root))
    kin = [p for p in fiw_train_pairs(root) if family(p.a) in families]
    pairs: list[Pair] = held_out_list(tuple(image_names(root / "fiw" / "train")), kin)
    codes = encode_crops(model, fiw_crops(root, "train", model.spec, unique_images(pairs)))
    log_odds, _ = compare_all(model, codes, [(p.a, p.b) for p in pairs])
    same, groups = np.array([p.same for p in pairs]), [family(p.a) for p in pairs]
    return {
        "pairs": len(pairs),
        "families": len(families),
        "shipped": figures_of(sigmoid(log_odds).mean(1), same, sidecar.rule.threshold, groups),
        "cross_fitted": figures_of(cross_fit(log_odds, pairs).score, same, 0.5, groups),
    }


def row(name: str, root: Path, listed: tuple[Path, Path] | None) -> dict[str, Any]:
    """All figures of one weight."""
    model, sidecar = load_pair(name, "cpu"), read_sidecar(name)
    found = {"sha256": sidecar.sha256, "held_out": held_out(model, sidecar, root)}
    if listed is not None:
        domain = answered(model, *listed)
        found["other_photos"] = {"list": domain.words, **compared(domain, sidecar.rule.threshold)}
    return found


@command(ValueError)
def main() -> None:
    kin = [name for name in available_weights() if read_sidecar(name).task == "kinship"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=kin, default=kin, metavar="NAME", help="kinship weights; all")
    parser.add_argument("--pairs", type=Path, help="CSV with image_a, image_b, kin over other photos")
    parser.add_argument("--images", type=Path, help="folder the CSV's names are relative to")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=RESULTS / "calibration.json")
    args = parser.parse_args()
    if (args.pairs is None) != (args.images is None):
        parser.error("--pairs and --images go together")
    check_file(args.json, "--json")
    listed = (args.pairs, args.images) if args.pairs else None
    former: dict[str, Any] = json.loads(args.json.read_text())["weights"] if args.json.exists() else {}
    for name in args.models:
        former[name] = row(name, data_root(args.data), listed)
        weights = {n: former[n] for n in kin if n in former and former[n]["sha256"] == read_sidecar(n).sha256}
        write_json({"command": "python -m training.studies.calibration", "weights": weights}, args.json)
        print(f"{name}: written to {args.json}", flush=True)


if __name__ == "__main__":
    main()
