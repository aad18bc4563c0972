"""Is a map to be trusted? Take pixels away in its order and watch the answer.

Deletion and insertion (Petsiuk et al., RISE, BMVC 2018) on one face with the other fixed, beside random orders: a map
that is no better than a random order has found nothing. Signed maps are ordered by value, from the strongest support of
the answer to the strongest opposition.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from explain.core.covering import covered_scalars
from explain.core.findings import Curve, Heatmap
from models.predict import Result

TILES = 15
"""Random orders take away tiles, 15 a side, not single pixels: scattered pixels are noise, which tells of noise."""


def faithfulness(
    result: Result,
    heatmap: Heatmap,
    *,
    steps: int = 5,
    fill: str = "blur",
    target: str | None = None,
    random_orders: int = 2,
    seed: int = 0,
) -> Curve:
    """Deletion and insertion curves of a map of one of the faces.

    Args:
        result: the answer the map explains; no graph needed.
        heatmap: any map of one of its faces; places of equal value are taken in a random, seeded order.
        steps: parts the pixels are taken away in.
        fill: what stands where pixels are missing, a name of FILLS.
        target: the scalar of the answer that is watched; by default result.watched, a probability.
        random_orders: how many random orders the baseline is the mean of, each taken forwards and backwards. It costs
            no answers: what an order has left at a share x is what its reverse has brought back at 1 - x.
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
    orders = [
        pixel_ranks(heatmap.resized(size, size), tile_noise(size, seed)),
        *random_ranks(size, random_orders, seed),
    ]
    (deletion,), (insertion,) = order_curves(result, heatmap.face, orders, steps=steps, fill=fill, targets=(target,))
    x = np.linspace(0, 1, steps + 1)
    both_ways = (deletion[1:] + insertion[1:, ::-1]).mean(0) / 2
    return Curve(
        x.astype(np.float32),
        deletion[0],
        insertion[0],
        both_ways,
        both_ways[::-1].copy(),
        fill,
        heatmap.face,
        heatmap.method,
        target,
    )


def random_ranks(size: int, count: int, seed: int = 0) -> list[np.ndarray]:
    """Random orders of the tiles of a crop: `count` arrays as pixel_ranks returns them."""
    flat = np.zeros((size, size), np.float32)
    return [pixel_ranks(flat, tile_noise(size, seed + 1 + i)) for i in range(count)]


def order_curves(
    result: Result, face: int, orders: Sequence[np.ndarray], *, steps: int, fill: str, targets: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Deletion and insertion of one face's pixels in several orders.

    Args:
        result: the answer as it is.
        face: index of the face.
        orders: O arrays (H, W) in [0, 1): 0 for the pixel that is taken away, or comes back, first.
        steps: parts the pixels are taken away in.
        fill: a name of FILLS.
        targets: T scalars of the answer.

    Returns:
        Deletion and insertion, (T, O, steps + 1) float32 each.
    """
    inner = np.linspace(0, 1, steps + 1)[1:-1]
    taken = np.stack([orders[0] < 0, orders[0] >= 0, *(order < fraction for order in orders for fraction in inner)])
    masks = torch.from_numpy(np.concatenate([taken, ~taken[2:]]))  # both ends are the same for all orders
    answers = covered_scalars(result, face, masks, fill=fill, targets=targets).numpy()
    shape = (len(targets), 2, len(orders), steps - 1)
    whole, nothing = (np.broadcast_to(answers[:, None, i, None], (shape[0], shape[2], 1)) for i in (0, 1))
    between = answers[:, 2:].reshape(shape)
    deletion = np.concatenate([whole, between[:, 0], nothing], 2)
    return deletion, np.concatenate([nothing, between[:, 1], whole], 2)


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
