"""The dataclasses refuse shapes that do not fit, and carry the geometry."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models import Face, FaceBatch, InputSpec, PairOutput
from models.faces.align import ARCFACE_112
from models.outputs import ClassOutput


def batch(n: int = 2, size: int = 8) -> FaceBatch:
    return FaceBatch(torch.linspace(0, 1, n * 3 * size * size).view(n, 3, size, size), torch.rand(n, 5, 2))


def test_spec_scales_its_template() -> None:
    doubled = ARCFACE_112.resized(224)
    assert doubled.size == 224
    np.testing.assert_allclose(doubled.points(), ARCFACE_112.points() * 2)
    with pytest.raises(ValueError, match="five keypoints"):
        InputSpec(10, ((0.0, 0.0),))


@pytest.mark.parametrize(
    ("image", "keypoints"), [((2, 1, 8, 8), (2, 5, 2)), ((3, 8, 8), (1, 5, 2)), ((2, 3, 8, 8), (1, 5, 2))]
)
def test_batch_refuses_wrong_shapes(image: tuple[int, ...], keypoints: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        FaceBatch(torch.zeros(image), torch.zeros(keypoints))


def test_face_refuses_wrong_shapes() -> None:
    photo, points, box = np.zeros((9, 9, 3), np.uint8), np.zeros((5, 2), np.float32), np.zeros(4, np.float32)
    for wrong in (
        (photo.astype(np.float32), points, box),
        (photo[..., 0], points, box),
        (photo, points[:4], box),
        (photo, points, box[:2]),
    ):
        with pytest.raises(ValueError, match="must be"):
            Face(*wrong, 1.0)


def test_batch_slices_joins_and_repeats() -> None:
    faces = batch(2)
    assert len(FaceBatch.cat([faces, faces])) == 4
    assert len(faces[1:]) == 1
    assert faces[:1].repeat(3).image.shape == (3, 3, 8, 8)
    with pytest.raises(ValueError, match="batch of one"):
        faces.repeat(3)
    assert faces.pixels().dtype == np.uint8
    assert faces.pixels().max() == 255


def test_score_is_the_mean_of_both_orders() -> None:
    logit = torch.tensor([[0.0, 2.0]])
    output = PairOutput(logit, torch.zeros(1), (torch.zeros(1, 4), torch.zeros(1, 4)))
    assert float(output.score) == pytest.approx((0.5 + 1 / (1 + np.exp(-2))) / 2)


def test_of_classes_a_probability_is_watched() -> None:
    output = ClassOutput(torch.tensor([[1.0, 2.0, -1.0]]), ("a", "b", "c"), (torch.zeros(1, 2),))
    assert [output.watching(name) for name in ("a", "a - c", "P(b)")] == ["P(a)", "P(a - c)", "P(b)"]
    assert float(output.scalar("P(a)")) == pytest.approx(np.exp(1) / (np.exp(1) + np.exp(2) + np.exp(-1)))
    assert float(output.scalar("P(a - c)")) == pytest.approx(np.exp(1) / (np.exp(1) + np.exp(-1)))
    for wrong in ("d", "a - d", "P(d)", "P(a - d)", "P(P(a))", "a - b - c"):
        with pytest.raises(ValueError, match="there are: a, b, c"):
            output.scalar(wrong)
        with pytest.raises(ValueError, match="there are: a, b, c"):
            output.watching(wrong)


def test_of_pairs_the_score_is_watched() -> None:
    output = PairOutput(torch.zeros(1, 2), torch.zeros(1), (torch.zeros(1, 4), torch.zeros(1, 4)))
    assert {output.watching(name) for name in ("similarity", "logit", "score")} == {"score"}
    with pytest.raises(ValueError, match="there are: similarity"):
        output.watching("anger")
