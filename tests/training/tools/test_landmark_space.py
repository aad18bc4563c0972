"""Faces whose landmarks draw the same shape are neighbours, wherever they lie and however large they are."""

from __future__ import annotations

import torch

from training.tools.landmark_space import nearest, shapes


def test_place_and_size_do_not_count() -> None:
    points = torch.rand(3, 68, 2, generator=torch.Generator().manual_seed(0))
    moved = 3 * points + torch.tensor([5.0, -2.0])
    torch.testing.assert_close(shapes(points), shapes(moved))
    torch.testing.assert_close(shapes(points).norm(dim=1), torch.ones(3))
    assert not torch.allclose(shapes(points), shapes(points.flip(2)))


def test_the_nearest_others() -> None:
    shape = torch.tensor([[0.0, 0], [1, 0], [1.5, 0], [9, 0]])
    assert nearest(shape, 2).tolist() == [[1, 2], [2, 0], [1, 0], [2, 1]]
