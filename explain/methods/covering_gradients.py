"""Covering gradients: what showing each place a little more does, on faces half of which is covered.

With a face x, the same face strongly blurred b, and a mask m that says how far each place is in sight, from 0 to 1:

    x(m) = b + m (x - b)
    d_p  = d f(x(m)) / d m_p = sum over RGB of (d f / d x_p) (x_p - b_p)       f the answer, the other faces fixed
    S    = mean over masks of d, smoothed with a Gaussian

The masks are coarse: each cell of a grid is in sight or covered by the toss of a coin, with soft borders, and for every
mask there is one that shows what it covers. Along the straight line m = t it would be Integrated Gradients
(Sundararajan, Taly and Yan, ICML 2017) with the blurred face as baseline. Were the places of m tossed one by one, and f
multilinear in them, the expectation of d would be the Banzhaf value of each place (Owen, "Multilinear Extensions and
the Banzhaf Value", 1975). Here neighbours are covered together, as in occlusion, and each place is judged while others
are missing; a few passes answer for all places at once. The combination is ours; grid, masks and smoothing were chosen
on held-out training families (benchmarks/evidence/gradient_choices.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explain.core.covering import CHUNK, chosen
from explain.core.fill import filled
from explain.core.findings import Heatmap
from explain.core.smooth import smooth
from models.predict import Result

CAPTION = (
    "What showing a place a little more does to the answer while half of the face is blurred: above zero it raises it, "
    "below zero it lowers it. It follows slopes: what changes all at once can be missed."
)
GRID = 7
"""Cells a side that are in sight or covered as one."""
MASKS = 8
SIGMA = 1 / 28
"""Of the smoothing, as a share of the crop's side."""


def covering_gradients(
    result: Result,
    *,
    target: str | None = None,
    masks: int = MASKS,
    grid: int = GRID,
    sigma: float = SIGMA,
    seed: int = 0,
    faces: Sequence[int] | None = None,
) -> tuple[Heatmap, ...]:
    """Signed maps of every face at the resolution of the crop, with the standard error of each place.

    Args:
        result: from predict; no graph needed.
        target: a scalar of the answer; by default result.explained.
        masks: how many, an even number: one half shows what the other covers.
        grid: cells a side.
        sigma: of the smoothing, as a share of the crop's side.
        seed: of the masks, the same for all faces.
        faces: indices of the faces to explain; all by default.

    Returns:
        A map a face, in units of the answer by hundredth of the crop; `error` is the standard error over the pairs of
        masks.

    Raises:
        ValueError: fewer than four masks or an odd number, a grid that does not fit the crop, a smoothing of nothing or
            of more than half of the crop, an unknown target.
    """
    if not 0 < sigma <= 0.5:
        raise ValueError(f"sigma is a share of the side, above 0 and at most 0.5, got {sigma}")
    size, target = result.model.spec.size, target or result.explained
    shown = in_sight(size, masks, grid, seed)
    found = []
    for face in chosen(result, faces):
        pairs = effects(result, face, shown, target).view(2, masks // 2, size, size).mean(0)
        values = smoothed(pairs, sigma) * (size * size / 100)
        error = values.std(0) / (masks // 2) ** 0.5
        caption = f"{CAPTION} {masks} masks; standard error {float(error.mean()):.1e}."
        found.append(
            Heatmap(
                values.mean(0).numpy(),
                face,
                "covering_gradients",
                signed=True,
                unit=f"{target} by hundredth of the crop",
                caption=caption,
                floor=1e-5,
                error=error.numpy(),
            )
        )
    return tuple(found)


def in_sight(size: int, count: int, grid: int, seed: int) -> Tensor:
    """(count, size, size) in [0, 1]: how far each place is in sight; the second half shows what the first covers.

    Raises:
        ValueError: fewer than four masks or an odd number, a grid that does not fit.
    """
    if count < 4 or count % 2:
        raise ValueError(f"an even number of masks is wanted, at least 4, got {count}")
    if not 1 <= grid <= size:
        raise ValueError(f"a grid has from 1 to {size} cells a side, got {grid}")
    tossed = np.random.default_rng(seed).random((count // 2, 1, grid, grid)) < 0.5
    cells = torch.from_numpy(tossed.astype(np.float32))
    half = F.interpolate(cells, size=(size, size), mode="bilinear", align_corners=False)[:, 0]
    return torch.cat([half, 1 - half])


def effects(result: Result, face: int, shown: Tensor, target: str) -> Tensor:
    """d for each mask: what showing each place of one face a little more does to the answer.

    Args:
        shown: (V, H, W) in [0, 1].

    Returns:
        (V, H, W) float32 on the CPU.

    Raises:
        ValueError: an unknown target.
    """
    model, own = result.model, result.faces[face]
    image, keypoints = own.image.detach(), own.keypoints.detach()
    behind = filled(image, "blur")
    change, found = image - behind, []
    with torch.no_grad():
        codes = [model.encode(f.image.detach(), f.keypoints) if i != face else None for i, f in enumerate(result.faces)]
    for masks in shown.to(image).split(CHUNK):
        images = (behind + masks[:, None] * change).requires_grad_(True)
        with torch.enable_grad():
            code = model.encode(images, keypoints.expand(len(masks), -1, -1))
            output = model.answer(*(code if fixed is None else fixed.expand_as(code) for fixed in codes))
            answers = output.scalar(target).sum()
        (gradient,) = torch.autograd.grad(answers, images, materialize_grads=True)
        found.append((gradient * change).sum(1).float().cpu())
    return torch.cat(found)


def smoothed(values: Tensor, sigma: float) -> Tensor:
    """(V, H, W) -> the same, Gaussian of so large a share of the side, cut at two and a half times its width."""
    side = values.shape[-1]
    kernel = min(2 * round(2.5 * sigma * side) + 1, 2 * ((side - 1) // 2) + 1)
    return smooth(values[:, None], max(kernel, 3), sigma * side)[:, 0]
