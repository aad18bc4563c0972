"""Augmentation: keypoints move with the image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from models.faces.align import ARCFACE_112
from models.faces.face import FaceBatch
from training.data.augment import (
    Augment,
    Draws,
    augmented,
    coloured,
    draw,
    erased,
    moved_image,
    moved_points,
    similarity,
)

SIZE = 112
STILL = Augment(shift=0, scale=1, degrees=0, flip=0, brightness=0, contrast=0, saturation=0, grey=0, erase=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def dotted(n: int) -> FaceBatch:
    """A soft dot at each keypoint on black; keypoints of every face in its own place."""
    points = (torch.from_numpy(ARCFACE_112.points()).float() + 0.5) / SIZE  # (5, 2)
    points = points.expand(n, 5, 2) + torch.rand(n, 1, 2, generator=generator(5)) * 0.1 - 0.05
    grid = (torch.arange(SIZE) + 0.5) / SIZE
    dx = grid.view(1, 1, 1, -1) - points[:, :, 0, None, None]
    dy = grid.view(1, 1, -1, 1) - points[:, :, 1, None, None]
    dots = torch.exp(-(dx**2 + dy**2) / (2 * 0.012**2))  # (n, 5, H, W)
    return FaceBatch(dots.sum(1, keepdim=True).expand(-1, 3, -1, -1).clamp(0, 1).contiguous(), points)


def found_at(image: Tensor, near: Tensor) -> Tensor:
    """Centre of mass within 7 pixels of `near` ([0, 1]) -> [0, 1]."""
    grid = (torch.arange(SIZE) + 0.5) / SIZE
    inside = (grid[None, :] - near[0]).abs() < 7 / SIZE
    inside = inside & ((grid[:, None] - near[1]).abs() < 7 / SIZE)
    mass = image[0] * inside
    return torch.stack([(mass * grid[None, :]).sum(), (mass * grid[:, None]).sum()]) / mass.sum()


def test_dots_stay_under_their_keypoints() -> None:
    faces = dotted(12)
    draws = draw(Augment(brightness=0, contrast=0, saturation=0, grey=0, erase=0), 12, generator())
    assert draws.flipped.any()
    assert not draws.flipped.all()
    moved = augmented(faces, draws)
    assert (moved.keypoints - faces.keypoints).abs().mean() > 0.02
    for image, points in zip(moved.image, moved.keypoints, strict=True):
        for point in points:
            assert (found_at(image, point) - point).abs().max() < 0.5 / SIZE


def test_a_flip_exchanges_left_and_right() -> None:
    faces = dotted(2)
    flipped = torch.tensor([True, False])
    move = similarity(torch.zeros(2), torch.ones(2), torch.zeros(2, 2), flipped)
    points = moved_points(faces.keypoints, move, flipped)
    assert (points[:, 0, 0] < points[:, 1, 0]).all()  # the left eye stays on the left of the image
    torch.testing.assert_close(points[0, 0, 0], 1 - faces.keypoints[0, 1, 0])
    torch.testing.assert_close(points[1], faces.keypoints[1])
    image = moved_image(faces.image, move)
    torch.testing.assert_close(image[0], faces.image[0].flip(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(image[1], faces.image[1], atol=1e-5, rtol=0)


def test_similarity_against_complex_numbers() -> None:
    angle, scale, shift = torch.tensor([0.3]), torch.tensor([1.2]), torch.tensor([[0.1, -0.2]])
    points = torch.rand(1, 5, 2)
    got = moved_points(points, similarity(angle, scale, shift, torch.tensor([False])), torch.tensor([False]))[0]
    u = 2 * points[0].numpy() - 1
    z = (u[:, 0] + 1j * u[:, 1]) * 1.2 * np.exp(0.3j) + (0.1 - 0.2j)
    np.testing.assert_allclose(got.numpy(), (np.stack([z.real, z.imag], 1) + 1) / 2, atol=1e-6)


def test_nothing_asked_nothing_changed() -> None:
    faces = FaceBatch(torch.rand(3, 3, 32, 32), torch.rand(3, 5, 2))
    same = augmented(faces, draw(STILL, 3, generator()))
    torch.testing.assert_close(same.image, faces.image, atol=2e-6, rtol=0)
    torch.testing.assert_close(same.keypoints, faces.keypoints)


def test_draws_stay_in_their_ranges() -> None:
    how = Augment()
    draws = draw(how, 4000, generator())
    linear = draws.move[:, :, :2]
    scale = torch.linalg.det(linear).abs().sqrt()
    assert scale.max() <= how.scale * 1.0001
    assert scale.min() >= 1 / how.scale / 1.0001
    assert scale.max() > how.scale * 0.98
    angle = torch.atan2(linear[:, 1, 0], linear[:, 1, 1]).abs()  # the second row is not mirrored
    assert 0.97 * how.degrees < math.degrees(angle.max()) <= how.degrees * 1.0001
    assert draws.move[:, :, 2].abs().max() <= 2 * how.shift
    assert abs(draws.flipped.float().mean() - how.flip) < 0.03
    box = draws.box[draws.box.any(1)]
    assert abs(len(box) / 4000 - how.erase) < 0.03
    assert box.min() >= 0
    assert box.max() <= 1
    assert abs((draws.saturation == 0).float().mean() - how.grey) < 0.02


def test_twice_the_reach_moves_twice_as_far_and_colours_alike() -> None:
    how = Augment(flip=0)
    near, far = (draw(a, 500, generator()) for a in (how, how.reaching(2)))
    shift = near.move[:, :, 2]
    torch.testing.assert_close(far.move[:, :, 2], 2 * shift)
    once, twice = (torch.view_as_complex(d.move[:, :, 0].contiguous()) for d in (near, far))
    torch.testing.assert_close(twice, once**2)  # twice the angle, the scale squared
    assert torch.equal(near.contrast, far.contrast) and torch.equal(near.box, far.box)


def test_draws_can_be_sliced_for_several_processes() -> None:
    faces = FaceBatch(torch.rand(6, 3, 32, 32), torch.rand(6, 5, 2))
    draws = draw(Augment(), 6, generator(3))
    whole = augmented(faces, draws)
    half = augmented(faces[slice(3, 6)], draws[slice(3, 6)])
    assert isinstance(draws[slice(0, 1)], Draws)
    torch.testing.assert_close(whole.image[3:], half.image, rtol=0, atol=1e-6)
    torch.testing.assert_close(whole.keypoints[3:], half.keypoints)


def test_the_same_seed_draws_the_same() -> None:
    a, b, c = (draw(Augment(), 5, generator(s)) for s in (1, 1, 2))
    assert torch.equal(a.move, b.move)
    assert not torch.equal(a.move, c.move)


def test_colour_against_numpy() -> None:
    image = torch.rand(2, 3, 4, 4) * 0.3 + 0.3  # no clamping
    b, c, s = torch.tensor([1.1, 0.9]), torch.tensor([0.8, 1.2]), torch.tensor([0.0, 1.3])
    got = coloured(image, b, c, s).numpy()
    for i in range(2):
        x = image[i].numpy() * float(b[i])
        mean = np.tensordot([0.299, 0.587, 0.114], x, 1).mean()
        x = mean + float(c[i]) * (x - mean)  # contrast
        grey = np.tensordot([0.299, 0.587, 0.114], x, 1)
        np.testing.assert_allclose(got[i], grey + float(s[i]) * (x - grey), atol=1e-6)
    assert np.ptp(got[0], axis=0).max() < 1e-6  # no saturation: grey


def test_colour_stays_in_range() -> None:
    ones = torch.full((4,), 3.0)
    out = coloured(torch.rand(4, 3, 8, 8), ones, ones, ones)
    assert out.min() >= 0
    assert out.max() <= 1


@pytest.mark.parametrize(("box", "count"), [((0.0, 0.0, 0.0, 0.0), 0), ((0.25, 0.5, 0.75, 1.0), 4 * 4)])
def test_erasing_paints_the_box_and_nothing_else(box: tuple[float, ...], count: int) -> None:
    image, fill = torch.zeros(1, 3, 8, 8), torch.tensor([[0.2, 0.4, 0.6]])
    out = erased(image, torch.tensor([box]), fill)
    assert int((out != 0).all(1).sum()) == count
    assert out[0, :, 4:, 2:6].std((1, 2)).max() == 0
    assert (out[0, :, :4] == 0).all()
