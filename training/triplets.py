"""Father, mother and child: the calibration of a weight on families its training held out.

    python -m training.triplets --model NAME [--data DIR] [--seed 0]

writes the operating point `tri` into the sidecar of a finished weight; the weight itself stays as it is. The same
command again writes the same numbers. Recipes end with `enter_tri(name, root)`.

The triplets are drawn (training/data/triplets.py) from the families that the sidecar says were held out.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.commands import command
from models.weights import TriOperating, find_weight, load_pair, read_sidecar
from training.cards import write_cards
from training.data.holdout import held_out_of
from training.data.sets import data_root, family_of, fiw_crops, fiw_train_pairs
from training.data.triplets import Triplet, held_out_triplets, unique_faces
from training.evaluate.metrics import best_threshold
from training.evaluate.scoring import encode_crops, sigmoid
from training.evaluate.triplets import triplet_log_odds
from training.tools.calibration import balanced_rows, fit_platt, operating_points
from training.tools.checkpoint import check_tree
from training.tools.settings import checked


def calibrate_tri(log_odds: np.ndarray, triplets: Sequence[Triplet]) -> TriOperating:
    """Platt scaling of the mean log-odds, then the threshold of the best balanced accuracy on the probability.

    Raises:
        ValueError: as fit_platt.
    """
    kin = np.array([t.kin for t in triplets])
    slope, offset = fit_platt(log_odds, kin)
    score, rows = sigmoid(slope * log_odds + offset), balanced_rows(kin)
    families = {family_of(t.father) for t in triplets}
    words = (
        f"father-mother-child triplets of {len(families)} held-out FIW training families, non-kin: a child of the "
        f"same gender of another family; {int(kin.sum())} kin, {int((~kin).sum())} non-kin"
    )
    return TriOperating(
        slope,
        offset,
        round(best_threshold(score[rows], kin[rows]), 4),
        operating_points(score, kin, words),
        f"best accuracy on as many kin as non-kin triplets: {words}",
    )


def enter_tri(name: str, root: Path, seed: int = 0) -> TriOperating:
    """Calibrate a finished weight on triplets of the families it held out; write it into the sidecar and the cards.

    Args:
        name: of a weight with its sidecar; it is loaded as a user would get it.
        seed: of the images and of the strangers drawn.

    Raises:
        WeightError: no such weight.  DataError: FIW is missing.  ValueError: see held_out_triplets and calibrate_tri.
        DirtyTreeError: the weight is one of the repository's, and code is not committed; nothing is written.
    """
    model, sidecar = load_pair(name), read_sidecar(name)
    path = find_weight(name).with_suffix(".json")
    said = [note for note in check_tree(path.parent) if note not in sidecar.notes]
    families = held_out_of((family_of(pair.a) for pair in fiw_train_pairs(root)), sidecar.data)
    triplets = held_out_triplets(root, families, seed)
    names = unique_faces(triplets)
    codes = encode_crops(model, fiw_crops(root, "train", model.spec, names))
    operating = calibrate_tri(triplet_log_odds(model, codes, triplets)[0], triplets)
    entered = dataclasses.replace(sidecar.with_rule(tri=operating), notes=[*sidecar.notes, *said])
    path.write_text(entered.to_json())
    write_cards(path.parent)
    return operating


@command(ValueError)
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="name of a weight")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--seed", type=int, default=0, help="of the images drawn")
    args = checked(parser.parse_args(arguments))
    operating = enter_tri(args.model, data_root(args.data), args.seed)
    print(f"{args.model}: slope {operating.slope:.4f}, offset {operating.offset:.4f}, threshold {operating.threshold}")
    print(f"{operating.protocol}\nwrote {find_weight(args.model).with_suffix('.json')}")


if __name__ == "__main__":
    main()
