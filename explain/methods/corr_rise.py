"""CorrRISE: cover random patches and correlate each place's being in sight with the rank of the answer.

"Towards Visual Saliency Explanations of Face Verification" (Lu, Xu, Ebrahimi, WACV 2024), after RISE (Petsiuk et al.,
BMVC 2018). With N masks, each of three square black patches, and the answer s_i under mask i:

    S(p) = Pearson correlation over i of rank(s_i) and of "place p is in sight under mask i"

One seeded set of masks serves both faces and all pairs. Patches lie fully inside the crop, as published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explain.core.covering import chosen, covered_answers
from explain.core.findings import Heatmap
from models.predict import Result

CAPTION = (
    "How the answer's rank goes with a place being in sight, over many random coverings: above zero the place raises "
    "the answer, below zero it lowers it. Places near the border are covered less often, so their values are smaller "
    "and less sure; the map is as coarse as the patches."
)
PATCHES, SIDE = 3, 30 / 112
"""Patches of a mask, and their side as a share of the crop's."""
FIRST = (20, 60, 140, 300)
"""Masks after which a map is shown while the rest are asked."""
RESAMPLES = 100
"""Bootstrap samples of the masks, for the standard error."""
DIGITS = 6
"""Answers are ranked by so many digits behind the point: what differs by less is rounding, a tie."""


def corr_rise(
    result: Result,
    *,
    target: str | None = None,
    masks: int = 500,
    fill: str = "black",
    seed: int = 0,
    faces: Sequence[int] | None = None,
) -> tuple[Heatmap, ...]:
    """Correlation maps of every face at the resolution of the crop, with the standard error of each place.

    Args:
        result: from predict; no graph needed.
        target: a scalar of the answer; by default result.explained.
        masks: how many, N.
        fill: what stands in the patches: "black" as published, "blur" or "grey".
        seed: of the masks and of the bootstrap.
        faces: indices of the faces to explain; all by default.

    Returns:
        A signed map a face, in [-1, 1]; `error` is the standard deviation over bootstrap samples of the masks.

    Raises:
        ValueError: fewer than two masks, an unknown fill or target.
    """
    *_, last = _after(result, (masks,), target=target, fill=fill, seed=seed, faces=faces)
    return last


def refined(result: Result, *, masks: int = 500, **options: Any) -> Iterator[tuple[Heatmap, ...]]:
    """The maps after the first of the masks, after more, and after all: each with its own standard error.

    Args, errors: as corr_rise.
    """
    yield from _after(result, (*(n for n in FIRST if n < masks), masks), **options)


def _after(
    result: Result,
    counts: Sequence[int],
    target: str | None = None,
    fill: str = "black",
    seed: int = 0,
    faces: Sequence[int] | None = None,
) -> Iterator[tuple[Heatmap, ...]]:
    """Maps after each of these numbers of masks."""
    if counts[-1] < 2:
        raise ValueError(f"at least two masks are wanted, got {counts[-1]}")
    target, wanted = target or result.explained, chosen(result, faces)
    covered = patches(result.model.spec.size, counts[-1], seed)
    answers, done = [torch.zeros(0) for _ in wanted], 0
    for count in counts:
        new = [covered_answers(result, face, covered[done:count], fill=fill, target=target) for face in wanted]
        answers, done = [torch.cat(both) for both in zip(answers, new, strict=True)], count
        found = zip(wanted, answers, strict=True)
        yield tuple(_heatmap(values, covered[:count], face, target, fill, seed) for face, values in found)


def _heatmap(answers: Tensor, covered: Tensor, face: int, target: str, fill: str, seed: int) -> Heatmap:
    count, *shape = covered.shape
    ranks, shown = ranked(answers), (~covered).flatten(1).double()
    values = correlation(torch.ones(1, count, dtype=torch.float64), ranks, shown)[0]
    drawn = np.random.default_rng(seed + 1).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    error = correlation(torch.from_numpy(drawn).double(), ranks, shown).std(0)
    caption = f"{CAPTION} {count} masks of {PATCHES} patches; fill: {fill}; standard error {float(error.mean()):.3f}."
    return Heatmap(
        values.float().view(shape).numpy(),
        face,
        "corr_rise",
        signed=True,
        unit=f"correlation with the {target}",
        caption=caption,
        floor=count**-0.5,  # the standard error of a correlation that is zero
        error=error.float().view(shape).numpy(),
    )


def patches(size: int, count: int, seed: int) -> Tensor:
    """(count, size, size) bool, True where covered: PATCHES squares a mask, drawn evenly, fully inside the crop."""
    side = max(1, round(SIDE * size))
    corners = np.random.default_rng(seed).integers(0, size - side + 1, (count, PATCHES, 2))
    inside = (np.arange(size) >= corners[..., None]) & (np.arange(size) < corners[..., None] + side)
    return torch.from_numpy((inside[:, :, 0, :, None] & inside[:, :, 1, None, :]).any(1))


def ranked(answers: Tensor) -> Tensor:
    """(N,) -> (N,) float64 ranks from 1; equal answers share the mean of their ranks."""
    rounded = answers.double().mul(10**DIGITS).round()
    _, place, counts = rounded.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[place]


def correlation(weights: Tensor, ranks: Tensor, shown: Tensor) -> Tensor:
    """Weighted Pearson correlation of ranks with being in sight, at every place.

    Args:
        weights: (B, N) how often each mask counts, in each of B samples.
        ranks: (N,).  shown: (N, P) 1 where a place is in sight, 0 where covered.

    Returns:
        (B, P); 0 where either does not vary.
    """
    share = weights / weights.sum(1, keepdim=True)
    centred = ranks - ranks.mean()
    mean_rank, mean_shown = share @ centred, share @ shown  # (B,), (B, P)
    covariance = (share * centred) @ shown - mean_rank[:, None] * mean_shown
    variance = (share @ centred.square() - mean_rank.square()).clamp_min(0)[:, None]
    spread = (variance * (mean_shown - mean_shown.square()).clamp_min(0)).sqrt()
    return torch.where(spread > 1e-9, covariance / spread.clamp_min(1e-9), 0.0)
