"""Views: the protocol's boxes exactly, moves that carry pixels, box and keypoints alike, shares as asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from models.faces.face import FaceBatch
from models.faces.partial_crops import CENTRE, FACTORS, LANDMARKS, SIDE, crop_part
from training.data.augment import Augment, augmented, draw
from training.data.partial_views import Partial, Views, boxes, draw_views, placed, seen

GREY = 128 / 255


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """(4, 160, 160, 3) smooth, nowhere 128."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.integers(140, 256, (4, 3, 10, 10))).float()
    fine = torch.nn.functional.interpolate(coarse, (160, 160), mode="bilinear")
    return fine.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()


def as_batch(faces: np.ndarray) -> FaceBatch:
    image = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255
    return FaceBatch(image, torch.rand(len(faces), 5, 2, generator=generator()))


def view_of(part: str, factor: float, n: int, centred: bool) -> Views:
    point = torch.tensor([LANDMARKS[part]]).expand(n, 2)
    centre = (point + 0.5) / SIDE
    goal = (torch.tensor([CENTRE]) + 0.5) / SIDE if centred else centre
    return placed(boxes(point, torch.full((n, 2), factor)), centre, goal.expand(n, 2), torch.ones(n, 1))


@pytest.mark.parametrize("part", LANDMARKS)
@pytest.mark.parametrize("factor", FACTORS)
def test_a_box_in_place_is_the_protocols(faces: np.ndarray, part: str, factor: float) -> None:
    got = seen(as_batch(faces), view_of(part, factor, 4, False)).pixels()
    np.testing.assert_array_equal(got, crop_part(faces, part, factor))


@pytest.mark.parametrize("part", LANDMARKS)
def test_a_centred_box_is_the_protocols_but_for_its_rim(faces: np.ndarray, part: str) -> None:
    got = seen(as_batch(faces), view_of(part, 0.2, 4, True)).pixels().astype(int)
    wanted = crop_part(faces, part, 0.2, centred=True).astype(int)
    apart = np.abs(got - wanted).max((0, 3)) > 1  # the protocol blends the rim with 128, here it is cut
    assert apart.sum() <= 2 * (79 + 63)
    rows, columns = np.nonzero((wanted != 128).any((0, 3)))
    middle = apart[rows.min() + 2 : rows.max() - 1, columns.min() + 2 : columns.max() - 1]
    assert not middle.any()


def test_whole_faces_are_the_augmented_ones(faces: np.ndarray) -> None:
    batch, draws = as_batch(faces), draw(Augment(), 4, generator())
    got = seen(batch, draw_views(Partial(cropped=0), 4, generator()), draws)
    wanted = augmented(batch, draws)
    assert torch.equal(got.image, wanted.image) and torch.equal(got.keypoints, wanted.keypoints)


def test_keypoints_go_with_their_pixels() -> None:
    """A bright spot under each keypoint is found where the view says the keypoint is."""
    rng = np.random.default_rng(1)
    n = 40
    points = torch.from_numpy(rng.uniform(0.4, 0.6, (n, 1, 2))).float().expand(n, 5, 2)
    image = torch.stack([spot(p[0]) for p in points])[:, None].expand(n, 3, 160, 160)
    draws = draw(Augment(brightness=0, contrast=0, saturation=0, grey=0, erase=0), n, generator())
    views = draw_views(replace(Partial(), cropped=1, elsewhere=0.6), n, generator())
    views = Views(views.move, torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(n, 4))
    out = seen(FaceBatch(image, points), views, draws)
    inside = ((out.keypoints[:, 0] > 0.1) & (out.keypoints[:, 0] < 0.9)).all(1)
    assert inside.sum() > n / 2
    for face, keypoint in zip(out.image[inside], out.keypoints[inside, 0], strict=True):
        peak = torch.tensor(np.unravel_index(int(face[0].argmax()), (160, 160)))
        assert ((peak.flip(0) + 0.5) / 160 - keypoint).abs().max() < 0.015


def spot(point: Tensor) -> Tensor:
    grid = (torch.arange(160) + 0.5) / 160
    distance = (grid[None, :] - point[0]) ** 2 + (grid[:, None] - point[1]) ** 2
    return (-distance / (2 * 0.03**2)).exp()


def test_shares_are_as_asked_for() -> None:
    how, n = Partial(), 20000
    views = draw_views(how, n, generator())
    area = (views.box[:, 2:] - views.box[:, :2]).prod(1)
    assert float((area == 1).float().mean()) == pytest.approx(1 - how.cropped, abs=0.02)
    cut = area < 1
    scaled = (views.move[:, 0, 0] != 1)[cut].float().mean()
    assert float(scaled) == pytest.approx(how.elsewhere, abs=0.02)
    assert float((views.move[cut, :, 2] == 0).all(1).float().mean()) == pytest.approx(0.4, abs=0.02)
    assert 0.05 < area.min() < 0.1 and 0.7 < area[cut].max() < 0.95
    assert views.box.min() >= 0 and views.box.max() <= 1


def test_a_slice_of_the_draws_is_the_draw_of_the_rows(faces: np.ndarray) -> None:
    batch, views, draws = as_batch(faces), draw_views(Partial(), 4, generator()), draw(Augment(), 4, generator())
    whole = seen(batch, views, draws)
    half = seen(batch[2:], views[2:], draws[2:])
    assert torch.equal(whole.image[2:], half.image) and torch.equal(whole.keypoints[2:], half.keypoints)


def test_hidden_pixels_are_the_fill(faces: np.ndarray) -> None:
    views = draw_views(Partial(cropped=1), 4, generator(3))
    out = seen(as_batch(faces), views, draw(Augment(), 4, generator())).image
    x = (torch.arange(160) + 0.5) / 160
    for face, (left, top, right, bottom) in zip(out, views.box, strict=True):
        hidden = ~((x >= left) & (x < right))[None, :] | ~((x >= top) & (x < bottom))[:, None]
        assert hidden.float().mean() > 0.2 and (face[:, hidden] == GREY).all()
