"""Figures of a list of pairs by group of people and of photos, and which groups are worse off than the whole.

    report["subgroups"] = subgroups(scored, threshold, families, {**of_relations(relations), **of_photos(pairs, looks)})

A division is a name and one label a pair; a pair without a label ("") is in none of its groups. Ages are not known on
Families In the Wild: generations stand in for the gap of ages. Sizes are not known there either (all faces are stored
at 112 px): sharpness stands in, since a small face that was enlarged is soft.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from models.faces.photo import open_photo
from models.faces.quality import SMALL_EYES, SOFT, TURNED, Quality, assess
from models.relations import RELATION_WORDS
from training.data.detections import central_face
from training.data.sets import Pair
from training.evaluate.metrics import accuracy, bootstrap_ci
from training.evaluate.scoring import Scored, unique_images

MEN, WOMEN, MIXED = "two men", "two women", "a man and a woman"
SIBLINGS, PARENTS, GRANDPARENTS = "one generation", "parent and child", "grandparent and grandchild"
OF_RELATION = {
    "bb": (MEN, SIBLINGS),
    "ss": (WOMEN, SIBLINGS),
    "sibs": (MIXED, SIBLINGS),
    "fd": (MIXED, PARENTS),
    "fs": (MEN, PARENTS),
    "md": (WOMEN, PARENTS),
    "ms": (MIXED, PARENTS),
    "gfgd": (MIXED, GRANDPARENTS),
    "gfgs": (MEN, GRANDPARENTS),
    "gmgd": (WOMEN, GRANDPARENTS),
    "gmgs": (MIXED, GRANDPARENTS),
}
"""Relation -> the two people, and how far apart their generations are."""
FEWEST = 20
"""Pairs of either kind that a group must have to be shown."""

Divisions = dict[str, list[str]]
"""Name of a division -> a label a pair."""


def of_relations(relations: Sequence[str]) -> Divisions:
    """Genders, generations and relation where it is known; non-kin pairs are labelled with one as well."""
    known = [OF_RELATION.get(relation, ("", "")) for relation in relations]
    return {
        "gender": [gender for gender, _ in known],
        "generation": [generation for _, generation in known],
        "relation": [RELATION_WORDS.get(relation, "") for relation in relations],
    }


def of_photos(pairs: Sequence[Pair], looks: Mapping[str, Quality | None], sizes: bool) -> Divisions:
    """Turn of the heads and sharpness; with `sizes` the size of the faces too: the worse of a pair's two photos counts.

    Args:
        looks: image name -> what was measured on its face; None where none was detected.
    """

    def labels(poor: Callable[[Quality], bool], good_words: str, poor_words: str) -> list[str]:
        sides = [(looks[p.a], looks[p.b]) for p in pairs]
        return ["" if a is None or b is None else poor_words if poor(a) or poor(b) else good_words for a, b in sides]

    turned = f"both within {TURNED:g}° of frontal", f"one turned by more than {TURNED:g}°"
    found = {
        "turn of the head": labels(lambda q: abs(q.yaw_deg) > TURNED, *turned),
        "sharpness": labels(lambda q: q.sharpness < SOFT, "both sharp", "one soft or blurred"),
    }
    if sizes:
        small = f"both eyes at least {SMALL_EYES:g} px apart", f"one less than {SMALL_EYES:g} px"
        found["size"] = labels(lambda q: q.eye_distance_px < SMALL_EYES, *small)
    return found


def looks_of(folder: Path, pairs: Sequence[Pair]) -> dict[str, Quality | None]:
    """What is measured on the face nearest the centre of every photo of a list; None where none is detected."""
    found: dict[str, Quality | None] = {}
    for name in tqdm(unique_images(pairs), desc="measuring photos", unit="photo"):
        face = central_face(open_photo(folder / name))
        found[name] = assess(face) if face.confidence else None
    return found


def subgroups(
    scored: Scored, threshold: float, groups: Sequence[str], divisions: Divisions
) -> dict[str, dict[str, dict[str, Any]]]:
    """Division -> group -> pairs, accuracy, FAR and TAR at a threshold with 95 % intervals, and what is worse.

    "worse" names the figures whose whole interval is on the bad side of the same figure of all pairs.

    Args:
        groups: of each pair (family, identity), for the bootstrap.
    """
    whole = {name: figure(scored, threshold, np.arange(len(scored.same))) for name, figure in FIGURES.items()}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for division, labels in divisions.items():
        parts = {label: np.flatnonzero(np.array(labels) == label) for label in dict.fromkeys(labels) if label}
        shown = {label: rows for label, rows in parts.items() if _enough(scored.same[rows])}
        if len(shown) > 1:  # a division into one group says nothing
            found[division] = {n: _group(scored, threshold, groups, rows, whole) for n, rows in shown.items()}
    return found


def _enough(same: np.ndarray) -> bool:
    return min(int(same.sum()), int((~same).sum())) >= FEWEST


def _accuracy(scored: Scored, threshold: float, rows: np.ndarray) -> float:
    return accuracy(scored.score[rows], scored.same[rows], threshold)


def _accepted(scored: Scored, threshold: float, rows: np.ndarray, same: bool) -> float:
    """Share of the pairs of one kind that are taken for matching. Raises ValueError where there is none."""
    kind = rows[scored.same[rows] == same]
    if not len(kind):
        raise ValueError("no pair of this kind")
    return float(np.mean(scored.score[kind] >= threshold))


Figure = Callable[[Scored, float, np.ndarray], float]
FIGURES: dict[str, Figure] = {
    "accuracy": _accuracy,
    "far_at_threshold": lambda scored, threshold, rows: _accepted(scored, threshold, rows, same=False),
    "tar_at_threshold": lambda scored, threshold, rows: _accepted(scored, threshold, rows, same=True),
}


def _of_draw(figure: Figure, scored: Scored, threshold: float, rows: np.ndarray, draw: np.ndarray) -> float:
    return figure(scored, threshold, rows[draw])


def _group(
    scored: Scored, threshold: float, groups: Sequence[str], rows: np.ndarray, whole: Mapping[str, float]
) -> dict[str, Any]:
    values: dict[str, Any] = {"pairs": len(rows), "matching": int(scored.same[rows].sum())}
    own, worse = [groups[i] for i in rows], []
    for name, figure in FIGURES.items():
        values[name] = figure(scored, threshold, rows)
        low, high = bootstrap_ci(partial(_of_draw, figure, scored, threshold, rows), own)
        values[f"{name}_ci95"] = [low, high]
        if low > whole[name] if name.startswith("far") else high < whole[name]:
            worse.append(name)
    return {**values, "worse": worse}
