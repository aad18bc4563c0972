"""Is a map to be trusted? Take pixels away in its order and watch the answer.

Deletion and insertion (Petsiuk et al., RISE, BMVC 2018) on one face with the other fixed, beside random orders: a map
that is no better than a random order has found nothing. Signed maps are ordered by value, from the strongest support of
the answer to the strongest opposition.
"""

from __future__ import annotations

import numpy as np
import torch

from explain.core.covering import covered_answers
from explain.core.findings import Curve, Heatmap
from models.predict import Result

TILES = 15
"""Random orders take away tiles, 15 a side, not single pixels: scattered pixels are noise, which tells of noise."""


def faithfulness(
    result: Result,
    heatmap: Heatmap,
    *,
    steps: int = 10,
    fill: str = "blur",
    target: str | None = None,
    random_orders: int = 5,
    seed: int = 0,
) -> Curve:
    """Deletion and insertion curves of a map of one of the faces.

    Args:
        result: the answer the map explains; no graph needed.
        heatmap: any map of one of its faces; places of equal value are taken in a random, seeded order.
        steps: parts the pixels are taken away in.
        fill: what stands where pixels are missing, "blur" or "grey".
        target: the scalar of the answer that is watched; by default result.watched, a probability.
        random_orders: how many random orders the baseline is the mean of.
        seed: of the random orders.

    Raises:
        ValueError: fewer than one step or random order, an unknown fill or target.
        TypeError: no Result, or not a single Heatmap.
    """
    if not isinstance(result, Result) or not isinstance(heatmap, Heatmap):
        raise TypeError(
            "an answer and one of its maps are wanted (result = predict(...), explain(result, method)[0]), "
            f"got {type(result).__name__} and {type(heatmap).__name__}"
        )
    if steps < 1 or random_orders < 1:
        raise ValueError("faithfulness wants at least one step and one random order")
    size, target = result.model.spec.size, target or result.watched
    noise = [tile_noise(size, seed + i) for i in range(random_orders + 1)]
    ranks = [pixel_ranks(heatmap.resized(size, size), noise[0])]
    ranks += [pixel_ranks(np.zeros((size, size), np.float32), n) for n in noise[1:]]
    x = np.linspace(0, 1, steps + 1)
    deleted = np.stack([r < fraction for r in ranks for fraction in x])  # (orders * (steps + 1), H, W)
    masks = torch.from_numpy(np.concatenate([deleted, ~deleted]))
    answers = covered_answers(result, heatmap.face, masks, fill=fill, target=target).numpy()
    deletion, insertion = answers.reshape(2, len(ranks), steps + 1)
    return Curve(
        x.astype(np.float32),
        deletion[0],
        insertion[0],
        deletion[1:].mean(0),
        insertion[1:].mean(0),
        fill,
        heatmap.face,
        heatmap.method,
        target,
    )


def tile_noise(size: int, seed: int) -> np.ndarray:
    """(size, size) float32 in [0, 1): one random number a tile."""
    tiles = np.random.default_rng(seed).random((TILES, TILES), dtype=np.float32)
    index = np.arange(size) * TILES // size
    return tiles[np.ix_(index, index)]


def pixel_ranks(values: np.ndarray, tie_break: np.ndarray) -> np.ndarray:
    """(H, W) -> (H, W) in [0, 1): 0 for the highest value; equal values in the order of tie_break."""
    order = np.lexsort((tie_break.ravel(), -values.ravel()))
    ranks = np.empty(values.size)
    ranks[order] = np.arange(values.size) / values.size
    return ranks.reshape(values.shape)
