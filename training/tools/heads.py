"""What tells identities apart beside the distillation: recognition's --head.

    arcface    losses.ArcFace over a sample of the identities (training/tools/partial_fc.py)
    softmax, cosface, adaface    losses.NormalisedSoftmax, CosFace, AdaFace over all identities
    triplet    losses.semi_hard_triplet; no parameters, batches of several faces a person

A head takes this process's embeddings and identities and gives the mean loss over the faces of all processes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.tools.loop import gathered
from training.tools.losses import AdaFace, CosFace, NormalisedSoftmax, semi_hard_triplet
from training.tools.partial_fc import PartialFC

CLASSIFIERS = {"softmax": NormalisedSoftmax, "cosface": CosFace, "adaface": AdaFace}
HEADS = ("arcface", *CLASSIFIERS, "triplet")
RAW = ("adaface",)
"""Heads that read the image's quality from the length of the raw embedding."""


class Classifier(nn.Module):
    """A loss over all identities, alike in every process: the centres are the same everywhere and stay so."""

    def __init__(self, kind: str, dim: int, classes: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.loss = CLASSIFIERS[kind](dim, classes)

    def forward(self, embedding: Tensor, labels: Tensor, step: int = 0) -> Tensor:
        """(b, D), (b,) -> scalar."""
        return self.loss(gathered(embedding), gathered(labels))


class TripletHead(nn.Module):
    """semi_hard_triplet over the faces of all processes."""

    def forward(self, embedding: Tensor, labels: Tensor, step: int = 0) -> Tensor:
        """(b, D), (b,) -> scalar."""
        return semi_hard_triplet(gathered(embedding), gathered(labels))


def head_for(kind: str, dim: int, classes: int, sample_rate: float = 1.0, seed: int = 0) -> nn.Module:
    """The head of a name.

    Raises:
        ValueError: no such head, or a sample rate below 1 for one that knows no sampling.
    """
    if kind not in HEADS:
        raise ValueError(f"no head {kind!r}: one of {', '.join(HEADS)}")
    if kind == "arcface":
        return PartialFC(dim, classes, sample_rate, seed=seed)
    if sample_rate != 1:
        raise ValueError(f"a sample rate is for the head arcface, not for {kind}")
    return TripletHead() if kind == "triplet" else Classifier(kind, dim, classes, seed)
