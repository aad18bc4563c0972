"""A start for KP-RPE at which every head looks at one place of the face, wherever the keypoints say it is.

Ours, no part of the published recipe, which starts the offsets at zero. Our reason is a reading, not a
measurement: from zero, the weights that follow a face that moves also make offsets depend on the token's own place, so
a step towards the one costs the other. Training without --windows makes the comparison.

    place of a head     t = sum_k a_k P_k, sum_k a_k = 1: it moves as the keypoints P_k do, under any similarity
    seen from token p   D = side (t - p) = -side sum_k a_k (p - P_k), in tokens
    offset of a key d tokens away     -g / 2 |d - D|^2 + g / 2 |D|^2 = -g / 2 |d|^2 + g d . D

The softmax of these offsets is a Gaussian window about the place. They are linear in p - P_k, so they are exactly a
keypoint linear layer's weight (g d times -side a_k) and bias (-g / 2 |d|^2).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from models.layers.kprpe import STEPS, KeypointRPE
from models.pair import PairModel

SHARPNESS = 0.3
"""g, per token squared: a window's standard deviation is 1.8 tokens."""
FACE = ((0.2, 0.8), (0.25, 0.95))
"""Where places lie in an aligned crop: across and down."""
APART = (0.0, 1.0, 2.5, 6.0)
"""Tokens between query and key for each of iRPE's steps; the last one holds 4 and more."""


def place_on_face(places: np.ndarray, template: np.ndarray) -> np.ndarray:
    """(n, 2) places and (K, 2) keypoints of an aligned face -> (n, K) smallest weights a with sum 1 and a P = place."""
    system = np.vstack([template.T, np.ones(len(template))])  # (3, K)
    return np.hstack([places, np.ones((len(places), 1))]) @ np.linalg.pinv(system).T


def bucket_distances() -> np.ndarray:
    """(BUCKETS, 2): (x, y) tokens from the query to keys of each bucket."""
    far = np.array([-a for a in APART[:0:-1]] + list(APART))
    y, x = np.meshgrid(far, far, indexing="ij")
    assert len(far) == STEPS
    return -np.stack([x.ravel(), y.ravel()], 1)  # a bucket counts from the key to the query


def spread(n: int) -> np.ndarray:
    """(n, 2) places, evenly over the face and in an order that leaves neighbours far apart."""
    side = int(np.ceil(np.sqrt(n)))
    x, y = np.meshgrid(np.linspace(*FACE[0], side), np.linspace(*FACE[1], side))
    return np.stack([x.ravel(), y.ravel()], 1)[np.random.default_rng(0).permutation(side**2)[:n]]


def window_layer(places: np.ndarray, template: np.ndarray, side: int, sharpness: float) -> tuple[Tensor, Tensor]:
    """Weight (n BUCKETS, 2K) and bias (n BUCKETS,) of the keypoint layer of n heads with these places."""
    a, d = place_on_face(places, template), bucket_distances()
    weight = -side * sharpness * a[:, None, :, None] * d[None, :, None, :]  # (n, BUCKETS, K, 2)
    bias = np.tile(-sharpness / 2 * (d**2).sum(1), len(places))
    return torch.from_numpy(weight.reshape(len(bias), -1)).float(), torch.from_numpy(bias).float()


@torch.no_grad()
def open_windows(model: PairModel, sharpness: float = SHARPNESS) -> None:
    """Set the offsets of a ViT with KP-RPE to windows, one place for every head of every block.

    Raises:
        ValueError: the model has no KP-RPE.
    """
    layer: nn.Module | None = next((m for m in model.modules() if isinstance(m, KeypointRPE)), None)
    if not isinstance(layer, KeypointRPE):
        raise ValueError("windows are a start of KP-RPE; this model has none")
    places = spread(layer.depth * layer.heads)
    weight, bias = window_layer(places, model.spec.points() / model.spec.size, layer.side, sharpness)
    layer.linear.weight.copy_(weight)
    layer.linear.bias.copy_(bias)
