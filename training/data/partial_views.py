"""What the student sees of a face: the whole, or a box of it, in place, centred or elsewhere, with 128 around it.

    views = draw_views(Partial(), len(batch), generator)       # random numbers only: cheap, reproducible, sliceable
    batch = seen(batch, views, draws)                          # one grid_sample, colour, erasing, then the box

The boxes are those of models.faces.partial_crops around its landmarks, of any factor between its least and its largest,
and looser ones around any point, wide or high. The box is cut after the augmentation's small move of the face, then
goes where the view says: so a part does not always sit where it should. One affine map does both moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from models.faces.face import FaceBatch
from models.faces.partial_crops import CENTRE, FACTORS, FILL, LANDMARKS, SIDE, box_around
from training.data.augment import Draws, augmented, inside, moved_image, moved_points


@dataclass(frozen=True)
class Partial:
    """How faces are cut.

    Attributes:
        cropped: share of the faces; the others stay whole.
        anywhere: of these, the share around a random point, width and height apart, and not around a landmark.
        jitter: largest displacement of a landmark along each axis, fraction of the side.
        centred: share of the cropped whose box goes to the middle.
        elsewhere: share of the cropped whose box goes to a random place, scaled.  zoom: largest factor there, or its
            inverse.
    """

    cropped: float = 0.7
    anywhere: float = 0.25
    jitter: float = 0.03
    centred: float = 0.4
    elsewhere: float = 0.2
    zoom: float = 1.25


@dataclass(frozen=True)
class Views:
    """The random numbers of B faces.

    Attributes:
        move: (B, 2, 3) affine in u = 2 x - 1 (training/data/augment.py): a scale and a shift.
        box: (B, 4) XYXY in [0, 1] of the moved image: what stays visible.
    """

    move: Tensor
    box: Tensor

    def __getitem__(self, rows: slice | Tensor) -> Views:
        return Views(*(getattr(self, f.name)[rows] for f in fields(self)))

    def to(self, device: torch.device | str) -> Views:
        """The same numbers on another device."""
        return Views(*(getattr(self, f.name).to(device) for f in fields(self)))


def draw_views(how: Partial, n: int, generator: torch.Generator) -> Views:
    """Random numbers for n faces; the same generator state gives the same views on every machine."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(n, *shape, generator=generator) * (high - low) + low

    marks = torch.tensor(list(LANDMARKS.values()))
    mark = marks[torch.randint(len(marks), (n,), generator=generator)] + uniform(-how.jitter, how.jitter, 2) * SIDE
    factor = uniform(FACTORS[0], FACTORS[-1], 1).expand(n, 2)
    free = uniform(0, 1, 1) < how.anywhere
    point = torch.where(free, uniform(0.15, 0.85, 2) * SIDE, mark)  # (n, 2) pixels
    box = boxes(point, torch.where(free, uniform(FACTORS[0], FACTORS[-1], 2), factor))
    place, centre = uniform(0, 1, 1), (point + 0.5) / SIDE
    centred = place < how.centred
    moved = ~centred & (place < how.centred + how.elsewhere)
    goal = torch.where(centred, (torch.tensor(CENTRE) + 0.5) / SIDE, centre)
    goal = torch.where(moved, uniform(0.3, 0.7, 2), goal)
    zoom = torch.where(moved, (uniform(-1, 1, 1) * math.log(how.zoom)).exp(), 1.0)
    return whole_where(uniform(0, 1) >= how.cropped, placed(box, centre, goal, zoom))


def boxes(point: Tensor, factor: Tensor) -> Tensor:
    """Boxes of models.faces.partial_crops.box_around, as tensors.

    Args:
        point: (B, 2) pixels.  factor: (B, 2), of the width and of the height.

    Returns:
        (B, 4) XYXY in [0, 1], cut off at the image: a pixel belongs to the box when its centre lies inside.
    """
    least, one = box_around((0, 0), 0), box_around((0, 0), 1)  # the half sides grow linearly with the factor
    start = torch.tensor([least.right, least.bottom])
    half = start + factor * (torch.tensor([one.right, one.bottom]) - start)
    edges = torch.cat([(point - half).floor(), (point + half).floor() + 1], 1)
    return (edges / SIDE).clamp(0, 1)


def placed(box: Tensor, centre: Tensor, goal: Tensor, zoom: Tensor) -> Views:
    """Scale by `zoom` (B, 1) about `centre` (B, 2), which goes to `goal` (B, 2), all in [0, 1]; (B, 4) boxes follow."""
    shift = (2 * goal - 1) - zoom * (2 * centre - 1)
    move = torch.cat([torch.diag_embed(zoom.expand(-1, 2)), shift[:, :, None]], 2)
    moved = zoom * (box - centre.repeat(1, 2)) + goal.repeat(1, 2)
    return Views(move, moved.clamp(0, 1))


def whole_where(whole: Tensor, views: Views) -> Views:
    """The same views, with the faces of (B,) bool `whole` left as they are."""
    move = torch.where(whole[:, None, None], torch.eye(2, 3), views.move)
    return Views(move, torch.where(whole[:, None], torch.tensor([0.0, 0.0, 1.0, 1.0]), views.box))


def seen(batch: FaceBatch, views: Views, draws: Draws | None = None) -> FaceBatch:
    """B faces as the views show them, augmented by `draws` first; hidden pixels are 128 / 255.

    Views and draws may lie on another device than the faces, where the work is done.
    """
    views = views.to(batch.image.device)
    if draws is None:
        unturned = torch.zeros(len(batch), dtype=torch.bool, device=batch.image.device)
        image = moved_image(batch.image, views.move)
        faces = FaceBatch(image, moved_points(batch.keypoints, views.move, unturned))
    else:
        faces = augmented(batch, replace(draws, move=joined(draws.move.to(views.move), views.move)))
    visible = inside(views.box, *faces.image.shape[2:])[:, None]
    return faces.with_image(torch.where(visible, faces.image, FILL / 255))


def joined(first: Tensor, second: Tensor) -> Tensor:
    """Two (B, 2, 3) affine maps, one after the other, as one."""
    linear = second[:, :, :2] @ first[:, :, :2]
    return torch.cat([linear, second[:, :, :2] @ first[:, :, 2:] + second[:, :, 2:]], 2)
