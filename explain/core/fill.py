"""What stands where pixels are taken away. Every finding that takes pixels away names its fill."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from explain.core.road import imputed
from explain.core.smooth import smooth

Cover = Callable[[Tensor], Tensor]
"""(V, H, W) bool, True where pixels are taken away -> (V, 3, H, W)."""


def _blurred(image: Tensor) -> Tensor:
    """A strong Gaussian blur, sigma 1/12 of the side: colour and shading stay, features go."""
    sigma = image.shape[-1] / 12
    kernel = 2 * math.ceil(2 * sigma) + 1
    return smooth(image, kernel, sigma)


def _over(image: Tensor, behind: Tensor) -> Cover:
    return lambda masks: torch.where(masks[:, None], behind, image)


FILLS: dict[str, Callable[[Tensor], Cover]] = {
    "blur": lambda image: _over(image, _blurred(image)),
    "grey": lambda image: _over(image, torch.full_like(image, 0.5)),
    "black": lambda image: _over(image, torch.zeros_like(image)),
    "road": lambda image: lambda masks: imputed(image, masks),
}
"""Name -> what covers an image (1, 3, H, W) in [0, 1]."""


def cover_of(image: Tensor, name: str) -> Cover:
    """What covers an image, (1, 3, H, W) in [0, 1], with the fill of that name.

    Raises:
        ValueError: an unknown fill; the message lists the known ones.
    """
    if name not in FILLS:
        raise ValueError(f"no fill {name!r}; there are: {', '.join(FILLS)}")
    return FILLS[name](image)


def filled(image: Tensor, name: str) -> Tensor:
    """(1, 3, H, W) -> the same shape with every pixel taken away. Raises ValueError as cover_of."""
    return cover_of(image, name)(torch.ones_like(image[:, 0], dtype=torch.bool))
