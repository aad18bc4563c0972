"""How common a face looks: the mean cosine of its embedding with the nearest of a few typical ones.

    crowd(a) = mean of the K largest cos(a, c),  c one of the centres

Two strangers with common faces have a higher cosine than two with rare ones. Taking the crowds off the cosine is
symmetric score normalisation with a cohort, as in speaker verification (Auckenthaler et al. 2000; the nearest of the
cohort alone: Matejka et al., Interspeech 2017), without the division by the spread. The cohort are the centres of
clusters (k-means) of the training set's people, one mean embedding each. Clusters of fewer than five people are left
out, so a centre is no one's template.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Crowd(nn.Module):
    """(B, D) embeddings -> (B,) mean cosine with the `nearest` centres.

    Args:
        centres: how many.  dim: D.  nearest: K.

    Raises:
        ValueError: more nearest than centres.
    """

    centres: Tensor

    def __init__(self, centres: int, dim: int, nearest: int) -> None:
        super().__init__()
        if not 1 <= nearest <= centres:
            raise ValueError(f"from 1 to {centres} of the {centres} centres can be the nearest, not {nearest}")
        self.nearest = nearest
        with torch.random.fork_rng(devices=[]):
            self.register_buffer("centres", F.normalize(torch.randn(centres, dim), dim=1))

    def forward(self, embedding: Tensor) -> Tensor:
        cosine = F.normalize(embedding, dim=1) @ F.normalize(self.centres.to(embedding), dim=1).T
        return cosine.topk(self.nearest, dim=1).values.mean(1)
