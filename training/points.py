"""Operating points of finished weights, measured again: the same calibration pairs, the shipped file.

    python -m training.points [NAME ...] [--data DIR] [--write]

Prints how far the new rates lie from the stored ones at the stored thresholds; with --write it puts the new points,
with the pairs' scores, into the sidecars. Nothing else of a sidecar changes: not the weight, not its threshold.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from torch import Tensor, stack

from models.commands import command
from models.operating_points import OperatingPoints
from models.pair import PairModel
from models.weights import Sidecar, available_weights, find_weight, load_pair, read_sidecar
from training.data.holdout import held_out_of
from training.data.kin_batches import held_out_list
from training.data.sets import data_root, family_of, fiw_crops, fiw_train_pairs, image_names
from training.data.triplets import held_out_triplets, unique_faces
from training.evaluate.scoring import encode_crops, score_pairs, sigmoid, unique_images
from training.evaluate.triplets import score_triplets
from training.tools.calibration import identity_pairs, operating_points, verification_pairs
from training.tools.checkpoint import check_tree
from training.tools.kin_export import platt_of

Scores = tuple[np.ndarray, np.ndarray]
"""(P,) score and (P,) bool: is it a matching pair?"""


class Faces:
    """Codes of FIW train faces by one network: each face is encoded once.

    Args:
        model: in eval mode.  root: of the research data.
    """

    def __init__(self, model: PairModel, root: Path) -> None:
        self.model, self.root = model, root
        self._known: dict[str, Tensor] = {}

    def codes(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Image name -> code."""
        new = sorted(set(names) - self._known.keys())
        if new:
            self._known |= encode_crops(self.model, fiw_crops(self.root, "train", self.model.spec, new))
        return {n: self._known[n] for n in names}


def kin_scores(faces: Faces, sidecar: Sidecar, root: Path) -> Scores:
    """Image pairs of the families the weight held out, as training/tools/kin_export.py scores them."""
    kin, families = fiw_train_pairs(root), set(held_out_families(sidecar, root))
    names = tuple(image_names(root / "fiw" / "train"))
    listed = held_out_list(names, [p for p in kin if family_of(p.a) in families])
    scored = score_pairs(faces.model, faces.codes(unique_images(listed)), listed)
    return scored.score, scored.same


def identity_scores(faces: Faces, sidecar: Sidecar, root: Path) -> Scores:
    """Pairs of members of the held-out families, as training/tools/verification_export.py scores them."""
    families = set(held_out_families(sidecar, root))
    names = [n for n in image_names(root / "fiw" / "train") if family_of(n) in families]
    codes = faces.codes(names)
    unit = F.normalize(stack([codes[n] for n in names]), dim=1)
    pairs, same = identity_pairs(names)
    return calibrated(faces.model, (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(1).double().numpy()), same


def photo_scores(faces: Faces, _sidecar: Sidecar, root: Path) -> Scores:
    """Photos of CelebA identities and FIW train members, as training/convert_dlib.py scores them."""
    cosine, same, _ = verification_pairs(faces.model, root)
    return calibrated(faces.model, cosine), same


def calibrated(model: PairModel, cosine: np.ndarray) -> np.ndarray:
    """(P,) cosines -> (P,) scores of a model with one CosineLogit."""
    platt = platt_of(model)
    return sigmoid(float(platt.slope) * cosine + float(platt.offset))


def held_out_families(sidecar: Sidecar, root: Path) -> list[str]:
    """The families that a weight's training held out. Raises ValueError as held_out_of."""
    every = image_names(root / "fiw" / "train") if sidecar.task == "verification" else None
    named = map(family_of, every) if every else (family_of(p.a) for p in fiw_train_pairs(root))
    return held_out_of(named, sidecar.data)


def pair_points(faces: Faces, sidecar: Sidecar, root: Path) -> OperatingPoints:
    """The operating points of a weight, on the pairs its protocol names."""
    measure: Callable[[Faces, Sidecar, Path], Scores] = kin_scores if sidecar.task == "kinship" else identity_scores
    if "CelebA" in sidecar.rule.operating_points.protocol:
        measure = photo_scores
    return operating_points(*measure(faces, sidecar, root), sidecar.rule.operating_points.protocol)


def tri_points(faces: Faces, sidecar: Sidecar, root: Path) -> OperatingPoints:
    """The operating points on triplets of a weight that was calibrated on them."""
    assert sidecar.rule.tri is not None
    triplets = held_out_triplets(root, held_out_of((family_of(p.a) for p in fiw_train_pairs(root)), sidecar.data))
    scored = score_triplets(faces.model, faces.codes(unique_faces(triplets)), triplets, sidecar.rule.tri)
    return operating_points(scored.score, scored.same, sidecar.rule.tri.points.protocol)


def moved(old: OperatingPoints, new: OperatingPoints) -> float:
    """The largest difference of a rate at the old points' thresholds."""
    rates = np.array([new.at(t) for t in old.threshold])
    return float(np.abs(rates - np.stack([old.far, old.tar], 1)).max())


def measured_again(name: str, root: Path) -> tuple[Sidecar, list[float]]:
    """A weight's sidecar with new points, and how far they lie from the old ones: of pairs, and of triplets if any.

    Raises:
        WeightError: no such weight.  DataError: a set is missing.  ValueError: as held_out_of.
    """
    faces, old = Faces(load_pair(name, "cpu"), root), read_sidecar(name)
    points = pair_points(faces, old, root)
    new, far = old.with_rule(operating_points=points), [moved(old.rule.operating_points, points)]
    if old.rule.tri is not None:
        tri = tri_points(faces, old, root)
        new = new.with_rule(tri=dataclasses.replace(old.rule.tri, points=tri))
        far.append(moved(old.rule.tri.points, tri))
    return new, far


@command(ValueError)
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="weights; default: all")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--write", action="store_true", help="put the new points into the sidecars")
    args = parser.parse_args(arguments)
    names = args.names or available_weights()
    said = {name: check_tree(find_weight(name).parent) if args.write else [] for name in names}
    for name in names:
        sidecar, far = measured_again(name, data_root(args.data))
        print(f"{name}: rates differ by at most {', '.join(f'{f:.6f}' for f in far)}", flush=True)
        if args.write:
            notes = [*sidecar.notes, *(note for note in said[name] if note not in sidecar.notes)]
            path = find_weight(name).with_suffix(".json")
            path.write_text(dataclasses.replace(sidecar, notes=notes).to_json())


if __name__ == "__main__":
    main()
