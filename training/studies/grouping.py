"""From which cosine are two groups of faces one person? Levels of false accepts, compared on held-out families.

    python -m training.studies.grouping [--model edgeface]

The images of held-out families of FIW train are grouped by models/search/people.py, the threshold at each level of
false accepts that the weight was calibrated at. Over pairs of images: precision is the share of one person among pairs
in one group, recall the share of pairs of one person that are in one group. An archive has more people than these
families: with k times as many of them, a pair of one person meets as many relatives but k times as many strangers, so
that wrong pairs of two families count k times in the precision. The level with the best F0.5 at CHOSEN_AT times is
taken: a relative lost in somebody else's group costs more than a person in two groups. models/search/people.py holds it
as PERSON_FAR. Writes benchmarks/results/grouping.json and its table in docs/search.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import load_pair, read_sidecar
from models.commands import check_file, command
from models.search.build import PEOPLE
from models.search.people import group, same_person_cosine
from training.data.holdout import is_held_out
from training.data.sets import data_root, family_of, fiw_crops, identity_of, image_names, photo_of
from training.docs.text import put
from training.evaluate.report import write_json
from training.evaluate.scoring import encode_crops
from training.evaluate.search import embeddings

LEVELS = (1e-2, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 0.0)
TIMES, CHOSEN_AT = (1, 10, 100), 10
BETA = 0.5
PAGE = Path("docs/search.md")


def judged(found: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Groups against people, over pairs of images.

    Args:
        found: (N,) number of the group of every image.
        names: images, "F0001/MID1/P00001_face0.jpg".

    Returns:
        Pairs in one group that are "right" (one person), of "relatives" (one family), of "strangers"; "precision" and
        "recall", 0 where there is no pair; "f": times as many people -> F of BETA.
    """
    person, family = (np.unique([of(n) for n in names], return_inverse=True)[1] for of in (identity_of, family_of))
    right, related, grouped = _pairs(found, person), _pairs(found, family), _pairs(found)
    recall = right / max(_pairs(person), 1)
    wrong = {"relatives": related - right, "strangers": grouped - related}
    f = {k: _f(right / max(related + k * wrong["strangers"], 1), recall) for k in TIMES}
    return {"right": right, **wrong, "precision": right / max(grouped, 1), "recall": recall, "f": f}


def _pairs(*labels: np.ndarray) -> int:
    """Pairs of images with the same labels."""
    counts = np.unique(np.stack(labels, 1), axis=0, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def _f(precision: float, recall: float) -> float:
    weighted = BETA**2 * precision + recall
    return (1 + BETA**2) * precision * recall / weighted if weighted else 0.0


def study(vectors: np.ndarray, names: Sequence[str], cosines: dict[float, float]) -> dict[str, Any]:
    """Every level, and the best.

    Args:
        vectors: (N, D) unit vectors.
        names: as in `judged`.
        cosines: level of false accepts -> threshold.
    """
    photos = [photo_of(n) for n in names]
    rows = [{"far": far, "cosine": c, **judged(group(vectors, photos, c), names)} for far, c in cosines.items()]
    best = max(rows, key=lambda row: row["f"][CHOSEN_AT])["far"]
    counts = {"people": len({identity_of(n) for n in names}), "families": len({family_of(n) for n in names})}
    return {"images": len(names), **counts, "levels": rows, "chosen_at_times": CHOSEN_AT, "best": best}


def table(found: dict[str, Any]) -> str:
    """Markdown of a report as JSON has it: a row a level."""
    heads = ["false accepts at most", "cosine", "precision", "recall", *(f"F0.5, people x {k}" for k in TIMES)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in found["levels"]:
        f = [f"{row['f'][str(k)]:.3f}" for k in TIMES]
        if row["far"] == found["best"]:
            f[TIMES.index(CHOSEN_AT)] = f"**{f[TIMES.index(CHOSEN_AT)]}**"
        cells = f"{row['far']:g}", *(f"{row[name]:.3f}" for name in ("cosine", "precision", "recall")), *f
        lines.append(f"| {' | '.join(cells)} |")
    what = f"{found['images']:,} images of {found['people']:,} people"
    return "\n".join(
        [*lines, "", f"`{found['weight']}`, {what} in {found['families']} held-out families of FIW train."]
    )


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=PEOPLE, help="name of a weight that tells people apart")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/grouping.json"))
    args = parser.parse_args()
    check_file(args.json, "--json")
    root, model, sidecar = data_root(args.data), load_pair(args.model), read_sidecar(args.model)
    cosines = {far: same_person_cosine(model, sidecar, far) for far in LEVELS}
    names = [n for n in image_names(root / "fiw" / "train") if is_held_out(family_of(n))]
    codes = encode_crops(model, fiw_crops(root, "train", model.spec, names))
    found = study(embeddings(model, codes, names), names, cosines)
    write_json({"weight": sidecar.name, "weight_sha256": sidecar.sha256, **found}, args.json)
    report = json.loads(args.json.read_text())
    if args.model == PEOPLE and PAGE.exists():
        PAGE.write_text(put(PAGE.read_text(), "grouping", table(report)))
    print(f"{table(report)}\nwrote {args.json}")


if __name__ == "__main__":
    main()
