"""A crop seen in another template's frame, inside a network, and maps of that frame laid back on the crop.

A network that was trained on one framing of the face answers worse on another one: its features know places. So a
network that borrows it cuts its own crop to that frame first.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.faces.face import InputSpec
from models.faces.geometry import similarity_transform


def cut(outer: InputSpec, inner: InputSpec) -> Tensor:
    """(2, 3) affine from coordinates of the inner crop to those of the outer one, both spanning [-1, 1].

    The similarity that brings the outer template onto the inner one, as alignment does from keypoints.
    """
    matrix = np.eye(3)
    matrix[:2] = similarity_transform(inner.points(), outer.points())  # pixels of inner -> pixels of outer
    to_pixels = np.array(
        [[inner.size / 2, 0, (inner.size - 1) / 2], [0, inner.size / 2, (inner.size - 1) / 2], [0, 0, 1]]
    )
    to_unit = np.array([[2 / outer.size, 0, 1 / outer.size - 1], [0, 2 / outer.size, 1 / outer.size - 1], [0, 0, 1]])
    return torch.from_numpy((to_unit @ matrix @ to_pixels)[:2]).float()


class Reframe(nn.Module):
    """(B, C, H, H) crops of `outer` -> (B, C, h, h) as `inner` frames them; no parameters.

    Args:
        outer, inner: templates; their sizes are H and h.
        fill: what lies outside the outer crop.
    """

    frame: Tensor

    def __init__(self, outer: InputSpec, inner: InputSpec, fill: float = 0.0) -> None:
        super().__init__()
        self.size, self.fill = inner.size, fill
        self.register_buffer("frame", cut(outer, inner), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return self.sampled(image, self.fill)

    def sampled(self, image: Tensor, fill: float) -> Tensor:
        """As forward, with something else outside the outer crop."""
        shape = [*image.shape[:2], self.size, self.size]
        grid = F.affine_grid(self.frame.expand(len(image), -1, -1), shape, align_corners=False)
        return F.grid_sample(image - fill, grid.to(image), align_corners=False) + fill

    def back(self, values: Tensor, height: int, width: int, mode: str = "bilinear") -> Tensor:
        """(B, h, w) over the inner crop -> (B, height, width) over the outer one; zero beyond the inner."""
        linear = torch.linalg.inv(self.frame[:, :2].to(values))
        inverse = torch.cat([linear, -linear @ self.frame[:, 2:].to(values)], 1)
        grid = F.affine_grid(inverse.expand(len(values), -1, -1), [len(values), 1, height, width], align_corners=False)
        return F.grid_sample(values[:, None], grid, mode, align_corners=False)[:, 0]
