"""Where on the crop the places of a map lie.

A convolution without padding sees less than the border, one of stride 2 with padding 1 starts on the first pixel: then
a map does not reach from border to border of the crop, and stretching it over the crop puts its places beside what they
see. `laid_on_crop` puts each on the centre of what it sees.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

Places = dict[str, tuple[float, float]]
"""Tap -> centre of what its first place sees, and the step to the next: pixels of the crop from its border."""


def laid_on_crop(values: Tensor, start: float, step: float, size: int) -> Tensor:
    """(B, h, w) over a map -> (B, size, size) over the crop: linear between the places' centres, constant outside them.

    Args:
        start, step: as in Places, the same for rows and columns.
        size: side of the crop in pixels.
    """
    centre = torch.arange(size, device=values.device, dtype=values.dtype) + 0.5
    grid = torch.stack([2 * ((centre - start) / step + 0.5) / side - 1 for side in (values.shape[2], values.shape[1])])
    y, x = torch.meshgrid(grid[1], grid[0], indexing="ij")  # grid_sample: -1 and 1 are the map's borders
    at = torch.stack([x, y], 2).expand(len(values), -1, -1, -1)
    return F.grid_sample(values[:, None], at, padding_mode="border", align_corners=False)[:, 0]
