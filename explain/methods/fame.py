"""FAME: change a face little by little until the answer falls, and see which pixels had to move.

"FAME: Feature Attribution for Matching Explanations" (AIML-IfI/fame, University of Zurich). The pixels x of one face,
the other faces fixed, go down the gradient of the answer:

    x <- x - (1/255) g / max|g|        g = d answer / d x, for so many steps

    map = |grey(x_end) - grey(x)|, smoothed with a Gaussian (49 x 49, sigma 7.7 for a crop of 112)

Going up instead gives the pixels that would have to change for a better match.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explain.core.findings import Heatmap
from explain.core.smooth import grey, smooth
from models.predict import Result

CAPTION = (
    "How far pixels move when a face is changed step by step so that the answer falls, or rises where that is asked "
    "for. Each step moves a pixel by at most one grey level; all of them together can be seen, and may leave the "
    "photo's range. It shows where such changes act most, not what covering a place would do."
)
WAYS = {"down": -1.0, "up": 1.0}
"""Way of the answer -> sign of a step along the gradient."""
SIGMA, KERNEL = 7.7 / 112, 49 / 112
"""Of the smoothing, as shares of the crop's side."""


def fame(result: Result, *, target: str | None = None, steps: int = 100, towards: str = "down") -> tuple[Heatmap, ...]:
    """Maps of every face at the resolution of the crop; values are not signed.

    Args:
        result: from predict; no graph needed.
        target: a scalar of the answer; by default result.explained.
        steps: how often the pixels are moved, at most by 1/255 each time.
        towards: "down", what holds the answer up; "up", what could raise it.

    Raises:
        ValueError: fewer than one step, an unknown way or target.
    """
    if steps < 1 or towards not in WAYS:
        raise ValueError(f"at least one step, and a way of {', '.join(WAYS)}, got {steps} and {towards!r}")
    target = target or result.explained
    start = torch.cat([f.image.detach() for f in result.faces])
    moved = walked(result, start, target, WAYS[towards], steps)
    maps = smoothed((grey(moved) - grey(start)).abs() * 255)[:, 0].cpu().numpy()
    caption = f"{CAPTION} The answer goes {towards}, in {steps} steps."
    unit = f"grey levels moved for the {target}"
    return tuple(Heatmap(m.copy(), i, "fame", False, unit, caption, floor=1e-3) for i, m in enumerate(maps))


def walked(result: Result, images: Tensor, target: str, sign: float, steps: int) -> Tensor:
    """Pixels of all faces after the steps, each with the others as they were; not clipped to [0, 1].

    Args:
        images: (faces, 3, H, W) in [0, 1].
    """
    model, keypoints = result.model, torch.cat([f.keypoints.detach() for f in result.faces])
    with torch.no_grad():
        fixed = model.encode(images, keypoints)
    for _ in range(steps):
        images = images.detach().requires_grad_(True)
        with torch.enable_grad():
            codes = model.encode(images, keypoints)
            answers = [model.answer(*_exchanged(fixed, codes, face)) for face in range(len(codes))]
            value = torch.stack([answer.scalar(target).sum() for answer in answers]).sum()
        (gradient,) = torch.autograd.grad(value, images, materialize_grads=True)
        largest = gradient.abs().amax((1, 2, 3), keepdim=True)
        images = images.detach() + sign / 255 * torch.where(largest > 0, gradient / largest, 0.0)
    return images.detach()


def _exchanged(fixed: Tensor, codes: Tensor, face: int) -> list[Tensor]:
    """The fixed codes, one a face, with that of one face replaced."""
    return [(codes if i == face else fixed)[i : i + 1] for i in range(len(codes))]


def smoothed(values: Tensor) -> Tensor:
    """(B, 1, H, W) -> the same, Gaussian of KERNEL and SIGMA of the side."""
    side = values.shape[-1]
    kernel = 2 * round((KERNEL * side - 1) / 2) + 1
    return smooth(values, kernel, SIGMA * side)
