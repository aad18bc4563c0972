"""What each kinship network is trained to do with a batch of kin pairs: codes of 2N faces -> named loss terms.

All three learn by contrast: every kin pair against non-kin pairs of the same relation from the same batch
(training/data/kin_batches.py). They differ in what answers.

- CosineObjective (Siamese networks): InfoNCE on the embeddings; TeamCNU's RFIW2021 recipe.
- FusionObjective (S-ViT): cross-entropy of the fusion head on kin and non-kin pairs plus lambda times the center loss
  of the head's hidden layer, as published; beside it InfoNCE on the embedding that search uses (ours).
- RelationObjective (FaCoRNet): the relation-guided loss on the fused features, as published, which sees true pairs
  only; beside it the same contrast on the score itself, with non-kin pairs fused too, so that what the fusion does to
  strangers is trained as well (ours), and InfoNCE on the global embedding. The first can be lowered without learning
  about kinship, by telling which two faces were fused together: with more steps it goes on falling while the AUC on
  held-out families falls too (the log of a run shows both), so the shipped run is short.

An optional last term holds the faces' similarities near those of a teacher (training/tools/losses.py: the relation
term of `distillation`).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.nets.facor import FaCoR
from models.nets.svit import Svit, fuse
from models.pair import PairModel
from training.tools.loop import gathered
from training.tools.losses import CenterLoss, info_nce, relation_guided
from training.tools.warm_start import global_first

Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Weights:
    """Of the terms.

    Attributes:
        temperature: of InfoNCE on embeddings.  hard: quantile of an anchor's similarities from which on its negatives
            count, for Siamese networks; 0 counts all.
        contrast: of the InfoNCE term beside a pair head.  center: lambda of the center loss.
        teacher: of the agreement with a teacher's similarities.
        negatives: non-kin pairs a kin pair, for pair heads.
        relation: of the relation-guided loss.
        noise: on the codes, in their standard deviations; against learning families by heart.
        relation_scale: s of the relation-guided loss, whose temperature is sum(A^2) / s. Over 49 positions the
            published 500 allows .002 (flat A) to .098 (one-hot): only a one-hot A comes near InfoNCE's .08. 30 allows
            .033 to 1.6.
    """

    temperature: float = 0.08
    hard: float = 0.0
    contrast: float = 0.5
    center: float = 0.003
    teacher: float = 0.0
    negatives: int = 6
    noise: float = 0.0
    relation: float = 1.0
    relation_scale: float = 30.0


class Objective(nn.Module):
    """A network with what it needs in training only.

    Attributes:
        trunk: prefixes of the parameters that a distilled weight brings; the rest starts from scratch.
    """

    trunk: tuple[str, ...] = ("",)

    def __init__(self, model: PairModel, weights: Weights) -> None:
        super().__init__()
        self.model, self.weights = model, weights

    def started(self) -> None:
        """Called when the trunk's weights are loaded, for what should start from them."""

    @abstractmethod
    def pair_terms(self, x: Tensor, y: Tensor, partner: Tensor) -> tuple[Terms, Tensor]:
        """Codes of N kin pairs and (N, K) non-kin partners -> loss terms and (2N, D) embeddings."""

    def forward(
        self, image: Tensor, keypoints: Tensor, partner: Tensor, seed: Tensor, target: Tensor | None = None
    ) -> Terms:
        """Loss terms of a batch, for the faces of all processes together; their sum is the loss.

        Args:
            image, keypoints: this process's part of 2N faces, all first ones, then all second ones.
            partner: (N, K) from kin_batches.partners.
            seed: (), of the noise, the same in all processes.
            target: (2N, D) unit embeddings of a teacher.
        """
        code = gathered(self.model.encode(image, keypoints))
        with torch.autocast(code.device.type, enabled=False):  # cosines over a temperature of .08 want every bit
            x, y = noisy(code.float(), self.weights.noise, int(seed)).chunk(2)
            terms, embedding = self.pair_terms(x, y, partner)
            if target is not None:
                terms["teacher"] = self.weights.teacher * similarity_gap(embedding, target)
        return terms


def noisy(code: Tensor, noise: float, seed: int) -> Tensor:
    """Codes (B, D) or (B, C, h, w) with Gaussian noise: one number a face and channel, alike at all places."""
    drawn = torch.randn(*code.shape[:2], *[1] * (code.ndim - 2), generator=torch.Generator().manual_seed(seed))
    return code + noise * code.detach().std() * drawn.to(code.device)


def similarity_gap(embedding: Tensor, target: Tensor) -> Tensor:
    """Mean over i != j of (S_ij - T_ij)^2, S and T the cosines between embeddings centred on the batch."""
    s, t = (F.normalize(e - e.mean(0), dim=1) for e in (embedding, target))
    gap = (s @ s.T - t @ t.T).square()
    return gap[~torch.eye(len(gap), dtype=torch.bool, device=gap.device)].mean()


class CosineObjective(Objective):
    """InfoNCE on the embeddings."""

    def pair_terms(self, x: Tensor, y: Tensor, partner: Tensor) -> tuple[Terms, Tensor]:
        embedding = self.model.embedding(torch.cat([x, y]))
        a, b = embedding.chunk(2)
        return {"info_nce": info_nce(a, b, self.weights.temperature, self.weights.hard)}, embedding


def with_partners(x: Tensor, y: Tensor, partner: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """N kin pairs and their N * K non-kin pairs (x_i, y_partner), self-partners dropped -> codes and (P,) kin."""
    n, k = partner.shape
    row = torch.arange(n, device=partner.device)
    i, j = row.repeat_interleave(k), partner.flatten()
    i, j = i[i != j], j[i != j]
    left, right = torch.cat([row, i]), torch.cat([row, j])
    return x[left], y[right], left == right


class FusionObjective(Objective):
    """Cross-entropy and center loss of the fusion head; InfoNCE on the embedding. Both orders of a pair in turn."""

    model: Svit
    trunk = ("backbone.", "embed.")

    def __init__(self, model: Svit, weights: Weights) -> None:
        super().__init__(model, weights)
        self.center = CenterLoss(2, model.config.dims[-1])

    def pair_terms(self, x: Tensor, y: Tensor, partner: Tensor) -> tuple[Terms, Tensor]:
        left, right, kin = with_partners(x, y, partner)
        swap = torch.arange(len(kin), device=kin.device) % 2 == 1
        left, right = (torch.where(swap.view(-1, 1, 1, 1), q, p) for p, q in ((left, right), (right, left)))
        head = self.model.head
        hidden = head.hidden(fuse(left, right, self.model.config.fusion))
        logit = head.fc2(hidden)[:, 0]
        mass = torch.where(kin, 0.5 / kin.sum(), 0.5 / (~kin).sum())
        cross_entropy = (mass * F.binary_cross_entropy_with_logits(logit, kin.float(), reduction="none")).sum()
        embedding = self.model.embedding(torch.cat([x, y]))
        a, b = embedding.chunk(2)
        return {
            "cross_entropy": cross_entropy,
            "center": self.weights.center * self.center(hidden, kin.long()),
            "info_nce": self.weights.contrast * info_nce(a, b, self.weights.temperature),
        }, embedding


class RelationObjective(Objective):
    """The relation-guided loss, the contrast of scores, and InfoNCE on the global embedding."""

    model: FaCoR
    trunk: tuple[str, ...] = ("trunk.",)

    def started(self) -> None:
        if self.model.config.trunk == "edgeface":
            global_first(self.model)
            self.trunk = ("trunk.", "to_global.")

    def pair_terms(self, x: Tensor, y: Tensor, partner: Tensor) -> tuple[Terms, Tensor]:
        n, k = partner.shape
        true = self.model.fuse(x, y)
        row = torch.arange(n, device=partner.device).repeat_interleave(k)
        wrong = self.model.fuse(x[row], y[partner.flatten()])
        positive = F.cosine_similarity(true.x, true.y, dim=1)
        negative = F.cosine_similarity(wrong.x, wrong.y, dim=1).view(n, k)
        negative = negative.masked_fill(partner == torch.arange(n, device=partner.device)[:, None], -torch.inf)
        logits = torch.cat([positive[:, None], negative], 1) / self.weights.temperature
        embedding = torch.cat([true.global_x, true.global_y])
        return {
            "relation": self.weights.relation
            * relation_guided(true.x, true.y, true.attention, self.weights.relation_scale),
            "score": self.weights.contrast * F.cross_entropy(logits, torch.zeros(n, dtype=torch.long, device=x.device)),
            "info_nce": self.weights.contrast * info_nce(true.global_x, true.global_y, self.weights.temperature),
        }, embedding


def objective_for(model: PairModel, weights: Weights) -> Objective:
    """The objective that fits a network."""
    if isinstance(model, Svit):
        return FusionObjective(model, weights)
    if isinstance(model, FaCoR):
        return RelationObjective(model, weights)
    return CosineObjective(model, weights)
