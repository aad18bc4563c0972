"""Covering gradients against differences of the answer, and the smoothing against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate, gaussian_filter
from torch import Tensor, nn

from explain import explain
from explain.methods.covering_gradients import effects, in_sight, smoothed
from models import predict
from models.face_model import ClassModel
from models.faces.align import ARCFACE_112
from models.predict import Result
from models.taps import Tap
from tests.explain.tiny import SIZE, seeded_result


def blurred(image: np.ndarray) -> np.ndarray:
    """(3, H, W) as explain.core.fill blurs it: sigma a twelfth of the side, cut at two sigmas, mirrored."""
    radius = int(np.ceil(2 * SIZE / 12))
    return np.stack([gaussian_filter(c, SIZE / 12, mode="mirror", radius=radius) for c in image])


def answer(result: Result, face: int, mask: np.ndarray) -> float:
    """The similarity with one face as far in sight as the mask says."""
    image = result.faces[face].image[0].double().numpy()
    behind = blurred(image)
    shown = torch.from_numpy((behind + mask * (image - behind)).astype(np.float32))[None]
    faces = [f.with_image(shown if i == face else f.image.detach()) for i, f in enumerate(result.faces)]
    return predict(result.model, *faces).similarity


@pytest.mark.parametrize("face", [0, 1])
def test_effects_are_slopes_of_the_answer(face: int) -> None:
    """Along random directions in the mask, for a mask and for what it covers."""
    result, step = seeded_result(grad=False), 0.002
    shown = in_sight(SIZE, 4, 5, seed=3)
    found = effects(result, face, shown, "similarity").numpy()
    directions = np.random.default_rng(0).random((4, SIZE, SIZE)) - 0.3
    for mask, d in zip(shown.numpy(), found, strict=True):
        slopes = [answer(result, face, mask + step * v) - answer(result, face, mask - step * v) for v in directions]
        expected = np.array(slopes) / (2 * step)
        np.testing.assert_allclose(
            (d * directions).sum((1, 2)), expected, rtol=0.03, atol=0.03 * np.abs(expected).max()
        )


def test_the_map_is_the_mean_over_masks_smoothed() -> None:
    result = seeded_result(grad=False)
    d = effects(result, 1, in_sight(SIZE, 6, 4, seed=5), "similarity").numpy()
    radius = round(2.5 * SIZE / 10)
    pairs = [gaussian_filter(d[i] + d[i + 3], SIZE / 10, mode="mirror", radius=radius) / 2 for i in range(3)]
    (heatmap,) = explain(result, "covering_gradients", masks=6, grid=4, sigma=0.1, seed=5, faces=[1])
    scale = SIZE * SIZE / 100
    np.testing.assert_allclose(heatmap.values, scale * np.mean(pairs, 0), rtol=1e-3, atol=1e-6)
    assert heatmap.error is not None
    np.testing.assert_allclose(heatmap.error, scale * np.std(pairs, 0, ddof=1) / 3**0.5, rtol=1e-3, atol=1e-6)


def test_smoothing_of_a_point() -> None:
    point = torch.zeros(1, 101, 101)
    point[0, 50, 50] = 1
    line = np.exp(-(np.arange(-13, 14) ** 2) / (2 * 5.05**2))
    expected = correlate(point[0].double().numpy(), np.outer(line, line) / line.sum() ** 2, mode="mirror")
    np.testing.assert_allclose(smoothed(point, 0.05)[0].numpy(), expected, atol=1e-6)


def test_masks_come_with_what_they_cover() -> None:
    shown = in_sight(70, 8, 7, seed=1)
    assert torch.equal(shown[:4] + shown[4:], torch.ones(4, 70, 70))
    middles = shown[:, 4::10, 4::10]  # beside a cell's middle the next cell counts for a twentieth
    assert shown.min() == 0 and shown.max() == 1 and ((middles < 0.1) | (middles > 0.9)).all()
    assert not torch.equal(shown, in_sight(70, 8, 7, seed=2))


class Sum(ClassModel):
    """Two classes whose logits are sums over the pixels, with weights from one seed."""

    cam_tap = "pixels.features"
    classes = ("light", "dark")

    def __init__(self) -> None:
        super().__init__()
        self.spec, self.tap = ARCFACE_112.resized(SIZE), Tap("pixels.features")
        self.weight = nn.Parameter(torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)))

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        return self.tap(image)

    def classify(self, code: Tensor) -> Tensor:
        return torch.einsum("bchw,kchw->bk", code, self.weight)


def test_where_the_answer_is_a_sum_over_pixels_every_mask_tells_the_same() -> None:
    model = Sum().eval().requires_grad_(False)
    face = seeded_result(grad=False).faces[0]
    result = predict(model, face)
    image, weight = face.image[0].double().numpy(), model.weight.double().numpy()
    expected = (weight * (image - blurred(image))).sum(1)  # a class at a time
    for name, of_class in zip(model.classes, expected, strict=True):
        for found in effects(result, 0, in_sight(SIZE, 4, 7, seed=0), name).numpy():
            np.testing.assert_allclose(found, of_class, atol=1e-3 * np.abs(of_class).max())
        (heatmap,) = explain(result, "covering_gradients", target=name)
        assert heatmap.error is not None and heatmap.error.max() < 1e-4 * np.abs(heatmap.values).max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"masks": 5}, "even number"),
        ({"masks": 2}, "at least 4"),
        ({"grid": 65}, "from 1 to 64 cells"),
        ({"sigma": 0.0}, "above 0"),
    ],
)
def test_what_cannot_be_done_is_said(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain(seeded_result(grad=False), "covering_gradients", **options)
