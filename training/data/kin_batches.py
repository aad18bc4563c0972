"""Batches of kin pairs for contrastive training, in which the wrong pairs are as hard as the right ones.

A batch is N kin pairs of N families, in groups of one relation. Within a group every first face may be paired with
every other second face: a non-kin pair with the genders and the direction of age of a kin pair, so that "the second
one looks older" pays nothing. The two faces of a kin pair never come from one photograph, as one draw in seven would:
from those a network learns to compare light and focus. A step's faces, augmentation and partners are functions of
(seed, step) alone.
"""

from __future__ import annotations

import copy
import itertools
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.data.holdout import is_held_out
from training.data.sets import Kin, Pair, by_identity, family_of, photo_of


@dataclass(frozen=True)
class KinBatch:
    """N kin pairs.

    Attributes:
        a, b: (N,) rows of the images of first and second members.
        relation: N words; pairs of one relation lie side by side.
    """

    a: np.ndarray
    b: np.ndarray
    relation: tuple[str, ...]

    @property
    def rows(self) -> np.ndarray:
        """(2N,) all first faces, then all second faces."""
        return np.concatenate([self.a, self.b])


class KinBatches:
    """Draws the batch of any step.

    Args:
        names: images, by row.  pairs: kin pairs of members.  size: pairs a batch.  groups: relations a batch.
        balance: 1 draws all relations alike, 0 by the number of families that have them. Rare relations have few
            families, which a network may learn by heart when they are drawn as often as the others.

    Raises:
        ValueError: there are not enough families to fill a batch.
    """

    def __init__(
        self, names: tuple[str, ...], pairs: list[Kin], size: int, groups: int, seed: int, balance: float = 0.0
    ) -> None:
        if size % groups:
            raise ValueError(f"{size} pairs do not divide into {groups} groups")
        self.images, self.row = by_identity(names), {name: i for i, name in enumerate(names)}
        self.each, self.groups, self.seed, self.balance = size // groups, groups, seed, balance
        self.families: dict[str, dict[str, list[Kin]]] = {}
        for pair in pairs:
            if apart(self.images, pair):
                self.families.setdefault(pair.relation, {}).setdefault(family_of(pair.a), []).append(pair)
        self.families = {r: f for r, f in self.families.items() if len(f) >= self.each}
        if len(self.families) < groups or len({family_of(p.a) for p in pairs}) < size:
            raise ValueError(f"too few families for {groups} relations of {self.each} pairs each")

    def __call__(self, step: int) -> KinBatch:
        """The batch of a step."""
        draw = random.Random(f"{self.seed} {step}")
        chosen: list[Kin] = []
        for relation in self._relations(draw):
            used = {family_of(p.a) for p in chosen}
            free = [f for f in self.families[relation] if f not in used]
            picked = draw.sample(free, min(self.each, len(free)))
            chosen += [draw.choice(self.families[relation][f]) for f in picked]
        named = [draw.choice(apart(self.images, pair)) for pair in chosen]
        a, b = (np.array([self.row[names[side]] for names in named]) for side in (0, 1))
        return KinBatch(a, b, tuple(p.relation for p in chosen))

    def reseeded(self, seed: int) -> KinBatches:
        """The same pairs in batches of another seed."""
        other = copy.copy(self)
        other.seed = seed
        return other

    def _relations(self, draw: random.Random) -> list[str]:
        """`groups` different relations, the rarest first: the common ones find free families anyway."""
        keys = {
            r: draw.random() ** (1 / len(f) ** (1 - self.balance)) for r, f in self.families.items()
        }  # weighted, no return
        chosen = sorted(keys, key=keys.__getitem__, reverse=True)[: self.groups]
        return sorted(chosen, key=lambda r: len(self.families[r]))


def apart(images: dict[str, list[str]], pair: Kin) -> list[tuple[str, str]]:
    """Every pair of images of two members that come from different photographs."""
    every = itertools.product(images[pair.a], images[pair.b])
    return [(a, b) for a, b in every if photo_of(a) != photo_of(b)]


def partners(relation: tuple[str, ...], each: int, generator: torch.Generator) -> Tensor:
    """For every pair i: (N, each) columns j != i of the same relation, drawn with return; its own column when alone.

    The caller drops rows that name themselves: `partners(...) != arange(N)[:, None]`.
    """
    group = torch.tensor([sorted(set(relation)).index(r) for r in relation])
    allowed = (group[:, None] == group[None]) & ~torch.eye(len(relation), dtype=torch.bool)
    alone = ~allowed.any(1)
    allowed[alone, alone.nonzero()[:, 0]] = True
    return torch.multinomial(allowed.float(), each, replacement=True, generator=generator)


def split(pairs: list[Kin]) -> tuple[list[Kin], list[Kin]]:
    """(training, held-out) pairs, by family."""
    out = [is_held_out(family_of(p.a)) for p in pairs]
    return [p for p, o in zip(pairs, out, strict=True) if not o], [p for p, o in zip(pairs, out, strict=True) if o]


def held_out_list(names: tuple[str, ...], pairs: list[Kin], each: int = 6, seed: int = 0) -> list[Pair]:
    """Image pairs of held-out families: up to `each` a kin pair, of different photographs, and as many non-kin pairs.

    A non-kin pair keeps the first image and takes the second from a pair of the same relation of another family,
    so that age and gender do not tell kin from non-kin.
    """
    draw, images = random.Random(seed), by_identity(names)
    by_relation: dict[str, list[Kin]] = {}
    for pair in pairs:
        by_relation.setdefault(pair.relation, []).append(pair)
    listed = []
    for pair in pairs:
        combinations = apart(images, pair)
        others = [p for p in by_relation[pair.relation] if family_of(p.a) != family_of(pair.a)]
        for a, b in draw.sample(combinations, min(each, len(combinations))):
            listed.append(Pair(a, b, True, pair.relation))
            if others:
                listed.append(Pair(a, draw.choice(images[draw.choice(others).b]), False, pair.relation))
    return listed
