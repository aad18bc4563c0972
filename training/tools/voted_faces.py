"""Faces with votes, as the expression recipe takes them, and what it does to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.nets.expression import Expression
from training.data.crops import Crops
from training.data.ferplus import Voted
from training.tools.landmark_space import neighbours

PATCH, HIDDEN = 8, 0.3
"""Of masked patches: they are 1 / PATCH of the side wide, and this share of them is hidden."""
NEIGHBOURS = 8


@dataclass(frozen=True)
class VotedFaces:
    """Crops of 48 px with their labels.

    Attributes:
        shares: (N, 8) shares of votes.  agreed: (N,) bool, there is a majority.
        single: (N,) FER2013's label among its seven classes, -1 where there is none.
    """

    crops: Crops
    shares: Tensor
    agreed: Tensor
    single: Tensor

    @staticmethod
    def of(crops: Crops, voted: Voted, single: np.ndarray | None) -> VotedFaces:
        labels = np.full(len(crops), -1) if single is None else single
        return VotedFaces(
            crops, torch.from_numpy(voted.shares), torch.from_numpy(voted.agreed), torch.from_numpy(labels)
        )

    def some(self, count: int, seed: int) -> VotedFaces:
        """`count` of the faces, drawn without return."""
        rows = np.sort(np.random.default_rng(seed).permutation(len(self.crops))[:count])
        names = tuple(self.crops.names[i] for i in rows.tolist())
        own = self.crops
        crops = Crops(names, own.image[rows], own.keypoints[rows], own.found[rows])
        return VotedFaces(crops, self.shares[rows], self.agreed[rows], self.single[rows])


def labels_of(shares: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """(B, 8) targets of a step: the shares of votes, the leading class alone, or a class drawn by the votes."""
    if kind == "votes":
        return shares
    picked = shares.argmax(1) if kind == "majority" else torch.multinomial(shares, 1, generator=generator)[:, 0]
    return torch.nn.functional.one_hot(picked, shares.shape[1]).to(shares)


LABELS = ("votes", "majority", "drawn")


@torch.no_grad()
def logits_of(
    model: Expression, crops: Crops, device: torch.device | str = "cpu", size: int = 256, mirror: bool = False
) -> tuple[Tensor, Tensor | None]:
    """(N, 8) calibrated logits of crops, and (N, 7) those of FER2013's labels where there is a head for them.

    Args:
        mirror: of their mirror images.
    """
    training = model.training
    model.eval()
    votes, single = [], []
    for start in range(0, len(crops), size):
        faces = crops.batch(np.arange(start, min(start + size, len(crops))), device)
        code = model.encode(faces.image.flip(3) if mirror else faces.image, faces.keypoints)
        votes.append(model.classify(code).float().cpu())
        if model.config.single:
            single.append(model.single_label(code).float().cpu())
    model.train(training)
    return torch.cat(votes), torch.cat(single) if single else None


def majority_accuracy(model: Expression, held: VotedFaces, device: torch.device | str) -> dict[str, float]:
    """Accuracy on faces with a majority, cross-entropy to the votes, and accuracy on FER2013's labels."""
    logits, single = logits_of(model, held.crops, device)
    right = (logits.argmax(1) == held.shares.argmax(1))[held.agreed]
    loss = torch.nn.functional.cross_entropy(logits, held.shares)
    found = {"held_out_accuracy": float(right.float().mean()), "held_out_loss": float(loss)}
    if single is not None:
        known = held.single >= 0
        found["held_out_single"] = float((single.argmax(1) == held.single)[known].float().mean())
    return found


def draw_patches(count: int, faces: float, generator: torch.Generator) -> Tensor:
    """(count, 1, PATCH, PATCH) bool: HIDDEN of the patches of a share of the faces."""
    drawn = torch.rand(count, 1, PATCH, PATCH, generator=generator) < HIDDEN
    return drawn & (torch.rand(count, 1, 1, 1, generator=generator) < faces)


def patched(image: Tensor, hidden: Tensor) -> Tensor:
    """(B, 3, H, W) with the (B, 1, PATCH, PATCH) patches as grey as each face's mean."""
    covered = torch.nn.functional.interpolate(hidden.to(image), image.shape[2:]).bool()
    return torch.where(covered, image.mean((1, 2, 3), keepdim=True), image)


def smoothed(faces: VotedFaces, landmarks: Path, share: float) -> VotedFaces:
    """Labels with `share` of the mean label of the nearest faces in landmark space (LA-Net: Z. Wu, J. Cui, ICCV 2023).

    Landmarks are centred and of length 1 a face, and compared by Euclidean distance.

    Raises:
        DataError: the landmark network is not there.
    """
    others = neighbours(faces.crops, landmarks, NEIGHBOURS)  # (N, K)
    mixed = (1 - share) * faces.shares + share * faces.shares[others].mean(1)
    return replace(faces, shares=mixed)
