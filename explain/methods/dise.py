"""DISE: blur single small squares, more of them where excitation is high, and keep what each costs the similarity.

"Density-based Input Sampling for Explanation", Williford, May, Byrne, "Explainable Face Recognition", ECCV 2020; after
RISE (Petsiuk et al., BMVC 2018). On a grid of 19 x 19, each of N masks blurs one cell, moved by a random offset:

    prior   P(cell) in the ratio of mean EBP (all dimensions of the code excited alike), zero below its median
    w_i     drop of the similarity under mask i
    S(p)    max(0, mean of w_i over the masks that cover p)

In the paper w_i is the drop with the mate less the drop with a non-mate. A pair has none; with the other face's negated
code in its place, as in contrastive EBP here, that is twice the drop with the mate. Our readings: squares have hard
edges, where the paper enlarges its grid softly, and the blur is the app's (explain/core/fill.py), which is stronger.
Defined where EBP is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explain.core.covering import chosen, covered_answers
from explain.core.findings import Heatmap
from explain.methods.ebp import mean_excitation
from models.predict import Result
from models.taps import kind_of, tap_names

CAPTION = (
    "By how much the similarity falls when a small square is blurred, in the mean over the squares that cover a place. "
    "Squares are drawn where the embedding is excited most; where none was drawn the map is zero, which says nothing."
)
GRID = 19
FIRST = (20, 60, 140, 300)
"""Masks after which a map is shown while the rest are asked."""


def dise(
    result: Result,
    *,
    target: str = "similarity",
    masks: int = 500,
    fill: str = "blur",
    seed: int = 0,
    faces: Sequence[int] | None = None,
) -> tuple[Heatmap, ...]:
    """Mean drops at the resolution of the crop, with the standard error of each place.

    Args:
        result: from predict; no graph needed.
        target: "similarity", the only one.
        masks: how many, N.
        fill: what stands in the squares (explain/core/fill.py).
        seed: of the squares.
        faces: indices of the faces to explain; all by default.

    Returns:
        A map a face, not signed; `error` is the standard error of the mean over the squares that cover a place, the
        standard deviation of all drops where only one does, and 0 where none does.

    Raises:
        ValueError: fewer than two masks, an unknown fill, another target, or as excitation_maps.
    """
    *_, last = _after(result, (masks,), target=target, fill=fill, seed=seed, faces=faces)
    return last


def refined(result: Result, *, masks: int = 500, **options: Any) -> Iterator[tuple[Heatmap, ...]]:
    """The maps after the first of the masks, after more, and after all. Args, errors: as dise."""
    yield from _after(result, (*(n for n in FIRST if n < masks), masks), **options)


def _after(
    result: Result,
    counts: Sequence[int],
    target: str = "similarity",
    fill: str = "blur",
    seed: int = 0,
    faces: Sequence[int] | None = None,
) -> Iterator[tuple[Heatmap, ...]]:
    """Maps after each of these numbers of masks."""
    if target != "similarity":
        raise ValueError(f"dise explains the similarity, not the {target}")
    if counts[-1] < 2:
        raise ValueError(f"at least two masks are wanted, got {counts[-1]}")
    wanted, size = chosen(result, faces), result.model.spec.size
    density = prior(result)
    covered = {face: squares(density[face], size, counts[-1], seed) for face in wanted}
    drops, done = {face: torch.zeros(0) for face in wanted}, 0
    for count in counts:
        for face in wanted:
            answers = covered_answers(result, face, covered[face][done:count], fill=fill, target=target)
            drops[face] = torch.cat([drops[face], result.similarity - answers])
        done = count
        yield tuple(_heatmap(drops[face], covered[face][:count], face, fill) for face in wanted)


def _heatmap(drops: Tensor, covered: Tensor, face: int, fill: str) -> Heatmap:
    count, *shape = covered.shape
    mean, error = mean_drops(drops.double(), covered.flatten(1).double())
    caption = f"{CAPTION} {count} squares; fill: {fill}; standard error {float(error.mean()):.4f}."
    return Heatmap(
        mean.clamp_min(0).float().view(shape).numpy(),
        face,
        "dise",
        signed=False,
        unit="drop of the similarity",
        caption=caption,
        error=error.float().view(shape).numpy(),
    )


def mean_drops(drops: Tensor, covered: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) drops and (N, P) 1 where covered -> (P,) mean drop of the masks that cover a place, and its error."""
    times = covered.sum(0)
    mean = drops @ covered / times.clamp_min(1)
    squares_sum = (drops.square() @ covered - times * mean.square()).clamp_min(0)
    several = (squares_sum / (times * (times - 1)).clamp_min(1)).sqrt()
    error = torch.where(times > 1, several, drops.std())
    return mean, torch.where(times > 0, error, 0.0)


def prior(result: Result) -> Tensor:
    """(2, GRID, GRID) probabilities of the cells of both faces; alike everywhere where nothing is excited."""
    layer = next(tap for tap in tap_names(result.model) if kind_of(tap) == "features")
    excited = result.model.on_crop(layer, mean_excitation(result, layer)).cpu()
    cells = F.interpolate(excited[:, None], (GRID, GRID), mode="area").flatten(1)
    kept = torch.where(cells < cells.median(1, keepdim=True).values, 0.0, cells)
    total = kept.sum(1, keepdim=True)
    shares = torch.where(total > 0, kept / total.clamp_min(1e-30), 1 / GRID**2)
    return shares.view(-1, GRID, GRID)


def squares(density: Tensor, size: int, count: int, seed: int) -> Tensor:
    """(count, size, size) bool: in each one square, a cell drawn by its probability and moved by up to half a cell."""
    draw, side = np.random.default_rng(seed), size / GRID
    probability = density.flatten().double().numpy()
    cells = draw.choice(GRID**2, count, p=probability / probability.sum())
    moved = draw.uniform(-side / 2, side / 2, (count, 2))
    corner = np.stack(np.divmod(cells, GRID), 1) * side + moved
    inside = (np.arange(size) + 0.5 >= corner[..., None]) & (np.arange(size) + 0.5 < corner[..., None] + side)
    return torch.from_numpy(inside[:, 0, :, None] & inside[:, 1, None, :])
