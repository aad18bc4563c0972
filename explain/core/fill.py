"""What stands where pixels are taken away. Every finding that takes pixels away names its fill."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur


def _blur(image: Tensor) -> Tensor:
    """A strong Gaussian blur, sigma 1/12 of the side: colour and shading stay, features go."""
    sigma = image.shape[-1] / 12
    kernel = 2 * math.ceil(2 * sigma) + 1
    return gaussian_blur(image, [kernel, kernel], [sigma, sigma])


FILLS: dict[str, Callable[[Tensor], Tensor]] = {
    "blur": _blur,
    "grey": lambda image: torch.full_like(image, 0.5),
    "black": torch.zeros_like,
}


def filled(image: Tensor, name: str) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the picture that shows through where pixels are taken away, same shape.

    Raises:
        ValueError: an unknown fill; the message lists the known ones.
    """
    if name not in FILLS:
        raise ValueError(f"no fill {name!r}; there are: {', '.join(FILLS)}")
    return FILLS[name](image)
