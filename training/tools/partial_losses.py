"""Losses of partial-face recognition: weighted cross-entropy and weighted diversity.

Hörmann et al., "Attention-based Partial Face Recognition", ICIP 2021:  L = w1 L_wCE + w2 L_wDIV + L2.
Both are our reading of the paper, which leaves details open:

    L_wCE  = mean over faces of  sum_k s_k CE(classifier(f_k), y),  one classifier shared by all k
    L_wDIV = mean over faces of  1 - sum_ij max_k(s_k P_k[ij]),     P_k = softmax over pixels of A_k

s sums to 1 and so does every P_k: the sum of the maxima is 1 when no two maps share a pixel, and 1/K, its least, when
K equally important maps coincide. A is the map before the sigmoid.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def weighted_cross_entropy(logits: Tensor, weights: Tensor, target: Tensor) -> Tensor:
    """L_wCE; gradients also reach the importances, so parts that cannot tell who it is lose weight.

    Args:
        logits: (B, K, classes), the shared classifier's answer for every f_k.
        weights: s, (B, K), rows sum to 1.
        target: (B,) int64 classes.

    Returns:
        Scalar, in nats.
    """
    each = F.cross_entropy(logits.float().transpose(1, 2), target[:, None].expand(weights.shape), reduction="none")
    return (weights * each).sum(1).mean()  # each: (B, K)


def weighted_diversity(attention: Tensor, weights: Tensor) -> Tensor:
    """L_wDIV.

    Args:
        attention: A, (B, K, h, w), before the sigmoid.
        weights: s, (B, K), rows sum to 1.

    Returns:
        Scalar in [0, 1 - 1/K], 0 where no two maps overlap.
    """
    over_pixels = attention.float().flatten(2).softmax(2)  # P: (B, K, h*w)
    return 1 - (weights[:, :, None] * over_pixels).amax(1).sum(1).mean()
