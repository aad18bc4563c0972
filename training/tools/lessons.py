"""Aligned faces and what a student learns from them: the teachers' embeddings, identities, occluded twins.

FIW train without the held-out families, and CelebA; never LFW, MFR2 or FIW val.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.faces.face import FaceBatch, InputSpec
from training.data.crops import Crops, Morphs, draw_morphs, joined_batch
from training.data.holdout import is_held_out
from training.data.sets import celeba_crops, family_of, fiw_crops, identity_of
from training.data.worn_crops import worn_crops
from training.tools.settings import TEACHERS
from training.tools.teachers import joined_targets, teacher_embeddings, teacher_of


@dataclass(frozen=True)
class Lesson:
    """Aligned faces with the embedding to learn.

    Attributes:
        crops: one or more sets, one behind the other.
        rows: which of their rows are used.
        target: (rows of all sets, D) unit vectors.
    """

    crops: tuple[Crops | Morphs, ...]
    rows: np.ndarray
    target: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def faces(self, index: np.ndarray, device: torch.device | str = "cpu") -> FaceBatch:
        """Faces of positions in `rows`, in that order."""
        return joined_batch(self.crops, self.rows[index], device)

    def targets(self, index: np.ndarray) -> Tensor:
        """(n, D) of positions in `rows`."""
        return self.target[torch.from_numpy(self.rows[index])]

    def families(self) -> set[str]:
        """Of FIW, the first set: of all its faces, used or not."""
        return set(map(family_of, self.crops[0].names))

    def mean(self) -> Tensor:
        """(D,) mean target of its faces."""
        return self.target[torch.from_numpy(self.rows)].mean(0)


def lessons(root: Path, spec: InputSpec, teachers: Sequence[str] = TEACHERS, morphs: int = 0) -> tuple[Lesson, Lesson]:
    """(training faces, held-out faces).

    Args:
        teachers: trained weights, see teacher_of.  morphs: how many mixtures of training faces to add.
    """

    def sets(of: InputSpec) -> tuple[Crops, ...]:
        return fiw_crops(root, "train", of), celeba_crops(root, of)

    crops = sets(spec)  # before the teachers: what is missing first is the data
    out = np.array([is_held_out(family_of(n)) for n in crops[0].names] + [False] * len(crops[1]))

    def mixed(of: tuple[Crops, ...]) -> tuple[Morphs, ...]:
        return (draw_morphs(of, np.flatnonzero(~out), morphs),) if morphs else ()

    def all_of(of: InputSpec) -> tuple[Crops | Morphs, ...]:
        return *sets(of), *mixed(sets(of))

    taught = [teacher_of(name, root) for name in teachers]
    embedded = [np.concatenate([teacher_embeddings(t, c) for c in all_of(t.spec)]) for t in taught]
    train = np.concatenate([np.flatnonzero(~out), len(out) + np.arange(morphs)])
    every, target = all_of(spec), joined_targets(embedded)
    return Lesson(every, train, target), Lesson(every, np.flatnonzero(out), target)


@dataclass(frozen=True)
class Faces:
    """What is learnt from.

    Attributes:
        clean, worn: the same faces without and with an occluder.
        labels: (len,) identity numbers.  classes: how many.
    """

    clean: Lesson
    worn: Lesson
    labels: Tensor
    classes: int

    def batch(self, rows: np.ndarray, wears: np.ndarray, device: torch.device | str = "cpu") -> FaceBatch:
        """Faces of positions in `rows`; those with `wears` have an occluder."""
        clean, worn = self.clean.faces(rows, device), self.worn.faces(rows, device)
        image = torch.where(torch.from_numpy(wears).to(device)[:, None, None, None], worn.image, clean.image)
        return FaceBatch(image, clean.keypoints)


def faces_of(lesson: Lesson) -> Faces:
    """Identities and worn twins of a lesson's faces."""
    names = [name for crops in lesson.crops for name in crops.names]
    identities = [identity_of(names[i]) for i in lesson.rows]
    number = {identity: i for i, identity in enumerate(sorted(set(identities)))}
    worn = replace(lesson, crops=tuple(worn_crops(c) for c in lesson.crops if isinstance(c, Crops)))
    return Faces(lesson, worn, torch.tensor([number[i] for i in identities]), len(number))
