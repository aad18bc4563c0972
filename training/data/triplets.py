"""Father, mother and child: lists that are read, and lists that are drawn from families of FIW train.

Kin triplets are children of FIW train with exactly one known father and one known mother. A non-kin triplet keeps both
photos of the parents and takes a child of the same gender, itself such a child, of another family: that parents look
older, or look like a couple, pays nothing.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.lists import check_photos, flag, read_rows
from training.data.sets import by_identity, family_of, fiw_members, fiw_relations, image_names

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


def read_triplets(path: Path, images: Path | None = None) -> list[Triplet]:
    """A table with father, mother, child, kin as 0/1, and optionally relation.

    Args:
        images: folder that must have every photo of the list; None looks for none.

    Raises:
        DataError: no such file, or a photo is missing.  ListError: a column is missing, the list is empty, or a label
            is neither 0 nor 1.
    """
    columns = ("father", "mother", "child", "kin")
    triplets = []
    for number, r in read_rows(path, columns, f"{', '.join(columns)}, and optionally relation"):
        faces = r["father"], r["mother"], r["child"]
        check_photos(path, number, images, *faces)
        triplets.append(Triplet(*faces, r.get("relation", ""), flag(path, number, "kin", r["kin"])))
    return triplets


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
