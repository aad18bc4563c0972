"""What the evidence is measured on: pairs of FIW for kinship, of LFW for others that compare, faces for classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from models.faces.face import FaceBatch, InputSpec
from training.data.crops import Crops
from training.data.ferplus import ferplus_crops, read_votes
from training.data.sets import Pair, fiw_crops, fiw_val_pairs, folder_crops, lfw_pairs
from training.evaluate.scoring import unique_images

SEED = 0


@dataclass(frozen=True)
class Drawn:
    """Pairs and their aligned faces.

    Attributes:
        pairs: one that is the same (or kin), one that is not, and so on: the first 2 n of them are n of each.
        crops: their faces, aligned for one input spec.
        source: name of the list.
    """

    pairs: tuple[Pair, ...]
    crops: Crops
    source: str

    def faces(self, number: int) -> tuple[FaceBatch, FaceBatch]:
        """Both faces of a pair."""
        pair = self.pairs[number]
        first, second = (self.crops.batch([self.crops.row[name]]) for name in (pair.a, pair.b))
        return first, second

    def same(self, number: int) -> bool | None:
        """Is the pair the same, or kin?"""
        return bool(self.pairs[number].same)

    def donor(self, number: int) -> FaceBatch | None:
        """Of a pair that is the same: a face of the next pair, other people's; else None."""
        return self.faces(number + 1)[1] if self.pairs[number].same else None


@dataclass(frozen=True)
class DrawnFaces:
    """Single faces for a task of classes, the classes in turn.

    Attributes:
        rows: of the crops.  crops: aligned for one input spec.
    """

    rows: tuple[int, ...]
    crops: Crops

    def faces(self, number: int) -> tuple[FaceBatch]:
        """The face alone."""
        return (self.crops.batch([self.rows[number]]),)

    def same(self, number: int) -> None:
        """No pair."""

    def donor(self, number: int) -> None:
        """The inpainting game compares two faces: it is not played."""


def in_turn(labels: Sequence[int], count: int, seed: int = SEED) -> list[int]:
    """`count` rows drawn without return, each class in turn while it lasts; a larger draw begins with a smaller one."""
    order = np.random.default_rng(seed).permutation(len(labels)).tolist()
    seen: dict[int, int] = {}
    rounds = []
    for row in order:
        rounds.append((seen.setdefault(labels[row], 0), labels[row], row))
        seen[labels[row]] += 1
    return [row for _, _, row in sorted(rounds)[:count]]


def alternating(listed: list[Pair], each: int, seed: int = SEED) -> list[Pair]:
    """Pairs drawn at random, `each` of either kind, taking turns; a larger draw begins with a smaller one."""
    order = np.random.default_rng(seed).permutation(len(listed))
    kinds = [[listed[i] for i in order if listed[i].same == same][:each] for same in (True, False)]
    return [pair for two in zip(*kinds, strict=True) for pair in two]


@lru_cache(maxsize=4)
def drawn(task: str, root: Path, spec: InputSpec, each: int) -> Drawn | DrawnFaces:
    """The pairs of a task: FIW val for "kinship", LFW for the others; for "expression" faces of FER+'s validation part.

    Raises:
        DataError: the data are not there.
    """
    if task == "expression":
        votes = read_votes(root, "valid")
        votes = votes.only(votes.agreed)
        rows = in_turn(votes.majority.tolist(), 2 * each)
        return DrawnFaces(tuple(rows), ferplus_crops(root, "valid", votes.names, spec))
    if task == "kinship":
        pairs = alternating(fiw_val_pairs(root), each)
        return Drawn(tuple(pairs), fiw_crops(root, "val", spec, unique_images(pairs)), "FIW val")
    pairs = alternating(lfw_pairs(root), each)
    return Drawn(tuple(pairs), folder_crops(root / "lfw" / "images", spec, unique_images(pairs)), "LFW view 2")
