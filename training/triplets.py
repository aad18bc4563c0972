"""Father, mother and child: lists, scores, and the calibration of a weight on families its training held out.

    python -m training.triplets --model NAME [--data DIR] [--seed 0]

writes the operating point `tri` into the sidecar of a finished weight; the weight itself stays as it is. The same
command again writes the same numbers. Recipes end with `enter_tri(name, root)`.

Kin triplets are children of FIW train with exactly one known father and one known mother, of the families that the
sidecar says were held out. A non-kin triplet keeps both photos of the parents and takes a child of the same gender,
itself such a child, of another held-out family: that parents look older, or look like a couple, pays nothing.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.pair import PairModel
from models.tri import tri_log_odds
from models.weights import TriOperating, WeightError, find_weight, load_pair, read_sidecar
from training.calibrate import balanced_rows, fit_platt, operating_points
from training.cards import write_cards
from training.data.holdout import held_out_of
from training.data.sets import (
    DataError,
    by_identity,
    data_root,
    family_of,
    fiw_crops,
    fiw_members,
    fiw_relations,
    fiw_train_pairs,
    image_names,
    read_csv,
)
from training.evaluate.metrics import best_threshold
from training.evaluate.scoring import Scored, compare_all, encode_crops, sigmoid

RELATIONS = {"m": "FMS", "f": "FMD"}
"""Gender of the child -> relation: father-mother-son, father-mother-daughter."""


@dataclass(frozen=True)
class Triplet:
    """One line of a triplet list.

    Attributes:
        father, mother, child: image names, relative to the set's folder.
        relation: "FMS" or "FMD"; "" where the list has none.
        kin: is it their child?
    """

    father: str
    mother: str
    child: str
    relation: str
    kin: bool


@dataclass(frozen=True)
class Trio:
    """Two parents and their child, members of FIW train ("F0001/MID1")."""

    father: str
    mother: str
    child: str
    gender: str


def read_triplets(path: Path) -> list[Triplet]:
    """A CSV with father, mother, child, kin as 0/1, and optionally relation.

    Raises:
        DataError: no such file.
        ValueError: a column is missing, the list is empty, or a label is neither 0 nor 1.
    """
    rows = read_csv(path)
    if not rows or not {"father", "mother", "child", "kin"} <= rows[0].keys():
        raise ValueError(f"{path}: wants the columns father, mother, child, kin, and optionally relation")
    bad = {r["kin"] for r in rows} - {"0", "1"}
    if bad:
        raise ValueError(f"{path}: kin is 0 or 1, found {sorted(bad)[:3]}")
    return [Triplet(r["father"], r["mother"], r["child"], r.get("relation") or "", r["kin"] == "1") for r in rows]


def unique_faces(triplets: Iterable[Triplet]) -> list[str]:
    """Every image of a triplet list once, sorted."""
    return sorted({name for t in triplets for name in (t.father, t.mother, t.child)})


def trios_of(genders: Mapping[str, str], relations: Sequence[tuple[str, str, str]]) -> list[Trio]:
    """Every member with exactly one known father and one known mother, sorted by name.

    Args:
        genders: member -> "m" or "f".
        relations: (a, b, what a is to b), as fiw_relations.
    """
    parents: dict[str, set[str]] = {}
    for a, b, word in relations:
        if word in ("parent", "child"):
            parent, child = (a, b) if word == "parent" else (b, a)
            parents.setdefault(child, set()).add(parent)
    found = []
    for child, both in sorted(parents.items()):
        couple = sorted(both, key=lambda m: genders.get(m, ""), reverse=True)  # "m" before "f"
        if [genders.get(m) for m in couple] == ["m", "f"] and genders.get(child) in RELATIONS:
            found.append(Trio(couple[0], couple[1], child, genders[child]))
    return found


def draw_triplets(
    trios: Sequence[Trio], images: Mapping[str, Sequence[str]], each: int = 6, seed: int = 0
) -> list[Triplet]:
    """Up to `each` kin triplets of images of every trio, and for each a non-kin one (see above).

    Args:
        images: member -> its images; a trio of which one has no image is left out.
    """
    draw = random.Random(seed)
    whole = [t for t in trios if all(images.get(m) for m in (t.father, t.mother, t.child))]
    listed = []
    for trio in whole:
        sides = [images[m] for m in (trio.father, trio.mother, trio.child)]
        others = [o for o in whole if o.gender == trio.gender and family_of(o.child) != family_of(trio.child)]
        every = list(itertools.product(*map(range, map(len, sides))))
        for rows in draw.sample(every, min(each, len(every))):
            father, mother, child = (side[i] for side, i in zip(sides, rows, strict=True))
            listed.append(Triplet(father, mother, child, RELATIONS[trio.gender], True))
            if others:
                stranger = draw.choice(images[draw.choice(others).child])
                listed.append(Triplet(father, mother, stranger, RELATIONS[trio.gender], False))
    return listed


def triplet_log_odds(
    model: PairModel, codes: Mapping[str, Tensor], triplets: Sequence[Triplet]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean log-odds of (father, child) and (mother, child), as models.tri, and their mean cosine: (T,), (T,)."""
    pairs = [(parent, t.child) for t in triplets for parent in (t.father, t.mother)]
    logit, cosine = compare_all(model, codes, pairs)
    father, mother = torch.from_numpy(logit).view(-1, 2, 2).unbind(1)  # (T, 2) each
    return tri_log_odds(father, mother).numpy(), cosine.reshape(-1, 2).mean(1)


def score_triplets(
    model: PairModel, codes: Mapping[str, Tensor], triplets: Sequence[Triplet], operating: TriOperating
) -> Scored:
    """The calibrated score of every triplet."""
    log_odds, cosine = triplet_log_odds(model, codes, triplets)
    score = sigmoid(operating.logit(torch.from_numpy(log_odds)).numpy())
    return Scored(score, cosine, np.array([t.kin for t in triplets]))


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


def held_out_triplets(root: Path, families: Iterable[str], seed: int = 0) -> list[Triplet]:
    """Triplets of images of these families of FIW train.

    Raises:
        DataError: the set is missing.  ValueError: there is no kin or no non-kin triplet.
    """
    wanted = set(families)
    trios = [t for t in trios_of(fiw_members(root), fiw_relations(root)) if family_of(t.child) in wanted]
    triplets = draw_triplets(trios, by_identity(image_names(root / "fiw" / "train")), seed=seed)
    if {t.kin for t in triplets} != {True, False}:
        raise ValueError(f"{len(wanted)} held-out families give no kin and non-kin triplets")
    return triplets


def enter_tri(name: str, root: Path, seed: int = 0) -> TriOperating:
    """Calibrate a finished weight on triplets of the families it held out; write it into the sidecar and the cards.

    Args:
        name: of a weight with its sidecar; it is loaded as a user would get it.
        seed: of the images and of the strangers drawn.

    Raises:
        WeightError: no such weight.  DataError: FIW is missing.  ValueError: see held_out_triplets and calibrate_tri.
    """
    model, sidecar = load_pair(name), read_sidecar(name)
    families = held_out_of((family_of(pair.a) for pair in fiw_train_pairs(root)), sidecar.data)
    triplets = held_out_triplets(root, families, seed)
    names = unique_faces(triplets)
    codes = encode_crops(model, fiw_crops(root, "train", model.spec, names))
    operating = calibrate_tri(triplet_log_odds(model, codes, triplets)[0], triplets)
    path = find_weight(name).with_suffix(".json")
    path.write_text(sidecar.with_rule(tri=operating).to_json())
    write_cards(path.parent)
    return operating


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="name of a weight")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--seed", type=int, default=0, help="of the images drawn")
    args = parser.parse_args(arguments)
    try:
        operating = enter_tri(args.model, data_root(args.data), args.seed)
    except (DataError, WeightError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
    print(f"{args.model}: slope {operating.slope:.4f}, offset {operating.offset:.4f}, threshold {operating.threshold}")
    print(f"{operating.protocol}\nwrote {find_weight(args.model).with_suffix('.json')}")


if __name__ == "__main__":
    main()
