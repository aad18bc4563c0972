"""Gaussian smoothing and grey values: torchvision's, imported with the first use because that takes over a second."""

from __future__ import annotations

from torch import Tensor


def smooth(values: Tensor, kernel: int, sigma: float) -> Tensor:
    """(B, C, H, W) -> the same shape, smoothed with a square Gaussian kernel of odd side, mirrored at the edges."""
    from torchvision.transforms.functional import gaussian_blur

    return gaussian_blur(values, [kernel, kernel], [sigma, sigma])


def grey(image: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W), luma of ITU-R BT.601."""
    from torchvision.transforms.functional import rgb_to_grayscale

    return rgb_to_grayscale(image)
