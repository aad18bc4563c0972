"""The losses of the recipes, each from its paper. Embeddings are given raw and normalised here where the paper does."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CenterLoss(nn.Module):
    """1/2 * mean ||x_i - c_{y_i}||^2 with a learnt centre a class.

    Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV 2016, eq. 2; the mean
    over the batch as in S-ViT. Centres move by their gradient, with the optimiser's learning rate.
    """

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.zeros(classes, dim))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """(B, D) raw features, (B,) class indices -> scalar."""
        return (features - self.centers[labels]).square().sum(1).mean() / 2


def info_nce(a: Tensor, b: Tensor, temperature: float | Tensor = 0.08, hard: float = 0.0) -> Tensor:
    """InfoNCE over the 2N faces of N positive pairs, every other face of the batch being a negative.

    Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (NT-Xent, eq. 1), 2020.
    Labels are ignored: feed it positive pairs alone, from N families.

    Args:
        a, b: (N, D) embeddings, normalised here; row i of a belongs to row i of b.
        temperature: tau, a number or (N,): one a pair, used for both of its faces.
        hard: in [0, 1); an anchor keeps the negatives at or above this quantile of its similarities to negatives
            (hard-negative selection); 0 keeps all.
    """
    z = F.normalize(torch.cat([a, b]), dim=1)
    tau = torch.as_tensor(temperature, dtype=z.dtype, device=z.device).expand(len(a)).repeat(2)
    similarity = z @ z.T  # (2N, 2N)
    own = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (similarity / tau[:, None]).masked_fill(own, -math.inf)
    if hard:
        logits = logits.masked_fill(easy_negatives(similarity.detach(), own, hard), -math.inf)
    return F.cross_entropy(logits, torch.arange(len(z), device=z.device).roll(len(a)))


def easy_negatives(similarity: Tensor, own: Tensor, quantile: float) -> Tensor:
    """(2N, 2N) bool: an anchor's negatives whose similarity lies below the quantile of all its negatives.

    Args:
        similarity: (2N, 2N) cosines of N pairs, row i + N being the other face of row i.  own: (2N, 2N) the diagonal.
    """
    negative = ~(own | own.roll(len(own) // 2, 1))
    values = similarity[negative].view(len(own), -1)  # (2N, 2N - 2)
    return negative & (similarity < values.quantile(quantile, dim=1, keepdim=True))


def relation_guided(a: Tensor, b: Tensor, relation: Tensor, scale: float = 500.0) -> Tensor:
    """FaCoRNet's relation-guided contrastive loss: InfoNCE with tau = psi, psi = sum of squared attention / scale.

    Su et al., "Kinship Representation Learning with Face Componential Relation", 2023, s = 500. The temperature is
    differentiable: the network learns how hard a pair should be pulled.

    Our reading: in the row of a face everything, numerator and denominator, is divided by the psi of that face's own
    pair, as the temperature of an InfoNCE. The authors' public code divides the k-th term of a denominator by the psi
    of pair k, the column's. The two agree where all psi are equal.

    Args:
        a, b: (N, D) embeddings of positive pairs.
        relation: (N, P, Q) cross-attention of each pair, rows summing to 1.
    """
    return info_nce(a, b, relation.square().sum((1, 2)) / scale)


class MarginHead(nn.Module):
    """A classifier on the hypersphere; logits are scale * cos with a margin on the true class."""

    def __init__(self, dim: int, classes: int, scale: float = 64.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, dim) * 0.01)
        self.scale = scale

    def cosine(self, embedding: Tensor) -> Tensor:
        """(B, D) -> (B, classes), kept inside (-1, 1) where the arc cosine has a gradient."""
        cosine = F.linear(F.normalize(embedding, dim=1), F.normalize(self.weight, dim=1))
        return cosine.clamp(-1 + 1e-6, 1 - 1e-6)


class NormalisedSoftmax(MarginHead):
    """No margin. Wang et al., "NormFace: L2 Hypersphere Embedding for Face Verification", ACM MM 2017; s 64."""

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """(B, D), (B,) -> scalar."""
        return F.cross_entropy(self.scale * self.cosine(embedding), labels)


class ArcFace(MarginHead):
    """cos(theta + m) on the true class. Deng et al., "ArcFace", CVPR 2019, eq. 3; s 64, m .5.

    Where theta + m passes pi the curve would turn up again; there cos(theta) - m sin(pi - m) goes on falling. The
    paper is silent; the fallback is that of the authors' public code of 2021 (insightface, recognition/arcface_torch/
    losses.py). Its later versions have none and take acos, margin and cos without gradient, so that the gradient is
    the plain softmax's at shifted logits; here the gradient passes through the margin.
    """

    def __init__(self, dim: int, classes: int, scale: float = 64.0, margin: float = 0.5) -> None:
        super().__init__(dim, classes, scale)
        self.margin = margin

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """(B, D), (B,) -> scalar."""
        cosine = self.cosine(embedding)
        true = cosine.gather(1, labels[:, None])
        turned = (true.acos() + self.margin).cos()
        fallback = true - self.margin * math.sin(math.pi - self.margin)
        target = torch.where(true > math.cos(math.pi - self.margin), turned, fallback)
        return F.cross_entropy(self.scale * cosine.scatter(1, labels[:, None], target), labels)


class CosFace(MarginHead):
    """cos(theta) - m on the true class. Wang et al., "CosFace", CVPR 2018, eq. 4; s 64, m .35."""

    def __init__(self, dim: int, classes: int, scale: float = 64.0, margin: float = 0.35) -> None:
        super().__init__(dim, classes, scale)
        self.margin = margin

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """(B, D), (B,) -> scalar."""
        cosine = self.cosine(embedding)
        margins = self.margin * F.one_hot(labels, cosine.shape[1]).to(cosine.dtype)
        return F.cross_entropy(self.scale * (cosine - margins), labels)


class AdaFace(MarginHead):
    """The margin adapts to image quality, read from the embedding's norm.

    Kim et al., "AdaFace: Quality Adaptive Margin for Face Recognition", CVPR 2022, eq. 10 to 13: with z the norm,
    standardised by running statistics, times h and clipped to [-1, 1],
        logit of the true class = s * (cos(theta + g_angle) - g_add),  g_angle = -m z,  g_add = m z + m.
    The angle stays in [0, pi]. Defaults of the paper: m .4, h .333, statistics' momentum .01.
    """

    norm_mean: Tensor
    norm_std: Tensor

    def __init__(self, dim: int, classes: int, scale: float = 64.0, margin: float = 0.4, h: float = 0.333) -> None:
        super().__init__(dim, classes, scale)
        self.margin, self.h, self.momentum = margin, h, 0.01
        self.register_buffer("norm_mean", torch.tensor(20.0))
        self.register_buffer("norm_std", torch.tensor(100.0))

    def quality(self, embedding: Tensor) -> Tensor:
        """(B, D) raw -> (B,) in [-1, 1]; updates the running statistics in training. No gradient passes.

        One face has no standard deviation (it is not a number with n - 1 = 0): the running one stays as it is.
        """
        norm = embedding.detach().norm(dim=1).clamp(1e-3, 100)
        if self.training:
            self.norm_mean.lerp_(norm.mean(), self.momentum)
            if len(norm) > 1:
                self.norm_std.lerp_(norm.std(), self.momentum)
        return ((norm - self.norm_mean) / (self.norm_std + 1e-3) * self.h).clamp(-1, 1)

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """(B, D) raw (the norm matters), (B,) -> scalar."""
        z = self.quality(embedding)[:, None]
        cosine = self.cosine(embedding)
        theta = cosine.gather(1, labels[:, None]).acos() - self.margin * z
        target = theta.clamp(1e-3, math.pi - 1e-3).cos() - self.margin * (z + 1)
        return F.cross_entropy(self.scale * cosine.scatter(1, labels[:, None], target), labels)


def semi_hard_triplet(embedding: Tensor, labels: Tensor, margin: float = 0.2) -> Tensor:
    """Triplet loss on squared distances of unit embeddings, with semi-hard negatives mined within the batch.

    Schroff et al., "FaceNet: A Unified Embedding for Face Recognition and Clustering", CVPR 2015, eq. 3 and sec. 3.2,
    margin .2. For every pair of two faces of one person, anchor and positive: of the negatives that are farther from
    the anchor than the positive, but by less than the margin, the nearest. The loss is the mean over the pairs that
    have one of d(a, p) - d(a, n) + margin; 0, with a gradient of 0, when no pair has.

    Args:
        embedding: (B, D), normalised here.  labels: (B,) identities.
    """
    unit = F.normalize(embedding, dim=1)
    distance = (2 - 2 * unit @ unit.T).clamp_min(0)  # (B, B) squared
    same = labels[:, None] == labels[None]
    anchor, positive = (same & ~torch.eye(len(unit), dtype=torch.bool, device=unit.device)).nonzero(as_tuple=True)
    near, far = distance[anchor, positive][:, None], distance[anchor]  # (P, 1), (P, B)
    semi_hard = ~same[anchor] & (far > near) & (far < near + margin)
    nearest = far.masked_fill(~semi_hard, math.inf).amin(1)
    found = semi_hard.any(1)
    if not found.any():
        return distance.sum() * 0
    return (near[found, 0] - nearest[found] + margin).mean()


def frontness(keypoints: Tensor) -> Tensor:
    """How frontal a face is, from the two eyes and the nose: (B, 5, 2) -> (B,) rho in [0, 1].

    1 - |nose x - middle of the eyes' x| / half the distance of the eyes' x, floored at 0. SymFace's three-point
    measure; the scale is our reading.
    """
    left, right, nose = keypoints[:, 0, 0], keypoints[:, 1, 0], keypoints[:, 2, 0]
    half = (right - left).abs().clamp_min(1e-6) / 2
    return (1 - (nose - (left + right) / 2).abs() / half).clamp_min(0)


def symmetry(left: Tensor, right: Tensor, rho: Tensor, frontal: float = 0.8) -> Tensor:
    """SymFace's term: the embeddings of the two halves of a frontal face should agree.

    Prakash et al., "SymFace: Additional Facial Symmetry Loss for Deep Face Recognition", 2024. Our reading: the mean
    over faces with rho >= frontal of rho * ||l/|l| - r/|r|||^2; 0 when there is none. Mirror the right half.

    Args:
        left, right: (B, D) embeddings of the halves.  rho: (B,) from frontness.
    """
    weight = rho * (rho >= frontal)
    gap = (F.normalize(left, dim=1) - F.normalize(right, dim=1)).square().sum(1)
    return (weight * gap).sum() / (rho >= frontal).sum().clamp_min(1)


def distillation(student: Tensor, target: Tensor, mean: Tensor, relation: float = 5.0) -> Tensor:
    """Cosine, centred cosine and batch relation to a teacher's embedding.

    (1 - cos(s, t)) + (1 - cos(s - mean, t - mean)) + relation * mean over i != j of (S_ij - T_ij)^2, where S and T
    are the centred cosines between the faces of the batch. Unit embeddings share a large mean, so the plain cosine
    is near 1 for anybody; centring shows what tells people apart. The last term is distance-wise relational
    distillation (Park et al., "Relational Knowledge Distillation", CVPR 2019) with cosines for distances.

    Args:
        student, target: (B, D) unit embeddings.  mean: (D,) of the targets over the training set.
    """
    s, t = F.normalize(student - mean, dim=1), F.normalize(target - mean, dim=1)
    plain = 1 - F.cosine_similarity(student, target, dim=1).mean()
    centred = 1 - (s * t).sum(1).mean()
    gap = (s @ s.T - t @ t.T).square()
    off_diagonal = ~torch.eye(len(s), dtype=torch.bool, device=s.device)
    return plain + centred + relation * gap[off_diagonal].mean()
