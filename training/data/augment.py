"""Augmentation of a whole batch at once; the keypoints move with the image.

    draws = draw(Augment(), len(batch), generator)     # random numbers only: cheap, reproducible, sliceable
    batch = augmented(batch, draws)                    # one grid_sample, then colour, then erasing

Drawing is apart from applying so that several processes can draw for the global batch and each apply its rows.
Coordinates: u = 2 * keypoint - 1, so a crop spans [-1, 1] (grid_sample, align_corners=False).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from models.faces.face import MIRRORED, FaceBatch

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601."""


@dataclass(frozen=True)
class Augment:
    """How far draws may go; the defaults suit faces that are already aligned.

    Attributes:
        shift: largest displacement along each axis, fraction of the side.
        scale: largest factor or its inverse, 1 for none.
        degrees: largest rotation.
        flip: probability of a mirror image.
        brightness, contrast, saturation: largest change of the factor 1.
        grey: probability of losing all colour.
        erase: probability of an erased rectangle.  erase_side: its sides, fractions of the crop's.
    """

    shift: float = 0.06
    scale: float = 1.15
    degrees: float = 12.0
    flip: float = 0.5
    brightness: float = 0.25
    contrast: float = 0.25
    saturation: float = 0.4
    grey: float = 0.1
    erase: float = 0.3
    erase_side: tuple[float, float] = (0.15, 0.45)

    def reaching(self, factor: float) -> Augment:
        """The same with faces moved `factor` times as far: shift, turn, and the logarithm of the scale."""
        return replace(self, shift=factor * self.shift, scale=self.scale**factor, degrees=factor * self.degrees)


def without_augmentation() -> Augment:
    """Faces as they are, or mirrored."""
    return Augment(shift=0, scale=1, degrees=0, brightness=0, contrast=0, saturation=0, grey=0, erase=0)


@dataclass(frozen=True)
class Draws:
    """The random numbers of B faces.

    Attributes:
        move: (B, 2, 3) affine from the old face to the new one, in u; the mirror image is the last step.
        flipped: (B,) bool.
        brightness, contrast, saturation: (B,) factors.
        box: (B, 4) erased XYXY rectangle in [0, 1] of the crop, empty (zeros) where nothing is erased.
        fill: (B, 3) its colour in [0, 1].
    """

    move: Tensor
    flipped: Tensor
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    box: Tensor
    fill: Tensor

    def __getitem__(self, rows: slice) -> Draws:
        return Draws(*(getattr(self, f.name)[rows] for f in fields(self)))

    def to(self, device: torch.device | str) -> Draws:
        """The same numbers on another device."""
        return Draws(*(getattr(self, f.name).to(device) for f in fields(self)))


def draw(how: Augment, n: int, generator: torch.Generator) -> Draws:
    """Random numbers for n faces; the same generator state gives the same draws on every machine."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(n, *shape, generator=generator) * (high - low) + low

    flipped = uniform(0, 1) < how.flip
    angle = uniform(-1, 1) * math.radians(how.degrees)
    scale = (uniform(-1, 1) * math.log(how.scale)).exp()
    shift = uniform(-2 * how.shift, 2 * how.shift, 2)  # u spans 2
    brightness, contrast, saturation = (1 + uniform(-k, k) for k in (how.brightness, how.contrast, how.saturation))
    saturation = torch.where(uniform(0, 1) < how.grey, torch.zeros(n), saturation)
    sides = uniform(*how.erase_side, 2)
    corner = uniform(0, 1, 2) * (1 - sides)
    box = torch.cat([corner, corner + sides], 1) * (uniform(0, 1) < how.erase)[:, None]
    return Draws(
        similarity(angle, scale, shift, flipped), flipped, brightness, contrast, saturation, box, uniform(0, 1, 3)
    )


def similarity(angle: Tensor, scale: Tensor, shift: Tensor, flipped: Tensor) -> Tensor:
    """(B,) radians, (B,) factor, (B, 2) shift in u, (B,) bool -> (B, 2, 3): rotate, scale, shift, then mirror x."""
    c, s = scale * angle.cos(), scale * angle.sin()
    matrix = torch.stack([torch.stack([c, -s, shift[:, 0]], 1), torch.stack([s, c, shift[:, 1]], 1)], 1)
    sign = torch.ones_like(matrix)
    sign[:, 0] = torch.where(flipped, -1.0, 1.0)[:, None]
    return matrix * sign


def augmented(batch: FaceBatch, draws: Draws, size: int | None = None) -> FaceBatch:
    """B faces and their draws -> B faces; what comes from outside the crop is black, as in alignment.

    The draws may lie on another device than the faces, where the work is done.

    Args:
        size: side of the faces that come out; as they went in where none is given.
    """
    draws = draws.to(batch.image.device)
    image = moved_image(batch.image, draws.move, size)
    image = coloured(image, draws.brightness, draws.contrast, draws.saturation)
    return FaceBatch(erased(image, draws.box, draws.fill), moved_points(batch.keypoints, draws.move, draws.flipped))


def inverse(move: Tensor) -> Tensor:
    """(B, 2, 3) -> (B, 2, 3)."""
    linear = torch.linalg.inv(move[:, :, :2])
    return torch.cat([linear, -linear @ move[:, :, 2:]], 2)


def moved_image(image: Tensor, move: Tensor, size: int | None = None) -> Tensor:
    """(B, C, H, W) through (B, 2, 3), bilinear, zeros outside; -> (B, C, size, size)."""
    shape = [*image.shape[:2], *((size, size) if size else image.shape[2:])]
    grid = F.affine_grid(inverse(move), shape, align_corners=False)
    return F.grid_sample(image, grid, align_corners=False)


def moved_points(keypoints: Tensor, move: Tensor, flipped: Tensor) -> Tensor:
    """(B, 5, 2) in [0, 1] -> (B, 5, 2), left and right exchanged where the face was mirrored."""
    u = 2 * keypoints - 1
    u = u @ move[:, :, :2].transpose(1, 2) + move[:, None, :, 2]
    u = torch.where(flipped[:, None, None], u[:, MIRRORED], u)
    return (u + 1) / 2


def coloured(image: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Scale brightness, then contrast about the mean grey, then saturation about each pixel's grey; clamp to [0, 1]."""
    luma = torch.tensor(LUMA, device=image.device).view(1, 3, 1, 1)
    image = image * brightness.view(-1, 1, 1, 1)
    grey = (image * luma).sum(1, keepdim=True)
    middle = grey.mean((2, 3), keepdim=True)
    k, s = contrast.view(-1, 1, 1, 1), saturation.view(-1, 1, 1, 1)
    # contrast maps image and grey alike: middle + k * (. - middle)
    return (middle + k * (grey + s * (image - grey) - middle)).clamp(0, 1)


def erased(image: Tensor, box: Tensor, fill: Tensor) -> Tensor:
    """Paint the (B, 4) rectangles of [0, 1] with their (B, 3) colours; a pixel is inside when its centre is."""
    return torch.where(inside(box, *image.shape[2:])[:, None], fill[:, :, None, None], image)


def inside(box: Tensor, height: int, width: int) -> Tensor:
    """(B, 4) XYXY rectangles of [0, 1] -> (B, height, width) bool, True where a pixel's centre lies in them."""
    y = ((torch.arange(height, device=box.device) + 0.5) / height).view(1, -1, 1)
    x = ((torch.arange(width, device=box.device) + 0.5) / width).view(1, 1, -1)
    x0, y0, x1, y1 = (box[:, i].view(-1, 1, 1) for i in range(4))
    return (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
