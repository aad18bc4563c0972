"""FAME against its steps written out, and its two ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from explain import explain
from explain.methods.fame import smoothed, walked
from models.predict import Result, predict
from tests.explain.tiny import noise_faces, planted_result, ready, seeded_result
from tests.one_face.mood import Mood


def step_by_step(result: Result, face: int, sign: float, steps: int) -> torch.Tensor:
    """One face alone: the whole pair is answered again before every step."""
    faces = [f.with_image(f.image.detach()) for f in result.faces]
    for _ in range(steps):
        answer = predict(result.model, *faces, grad=True)
        (gradient,) = torch.autograd.grad(answer.output.similarity.sum(), answer.faces[face].image)
        image = faces[face].image + sign * gradient / gradient.abs().max() / 255
        faces[face] = faces[face].with_image(image)
    return faces[face].image


@pytest.mark.parametrize(("towards", "sign"), [("down", -1.0), ("up", 1.0)])
def test_equals_the_steps_written_out(towards: str, sign: float) -> None:
    result = seeded_result(grad=False)
    maps = explain(result, "fame", steps=5, towards=towards)
    for face, heatmap in enumerate(maps):
        change = step_by_step(result, face, sign, 5) - result.faces[face].image
        r, g, b = (change[0, c].double().numpy() for c in range(3))
        grey = np.abs(0.2989 * r + 0.587 * g + 0.114 * b) * 255
        np.testing.assert_allclose(heatmap.values, blurred(grey), rtol=5e-3, atol=5e-3 * blurred(grey).max())


def blurred(values: np.ndarray) -> np.ndarray:
    """Gaussian of 29 x 29, sigma 4.4: the published 49 and 7.7 on a crop of 64."""
    line = np.exp(-(np.arange(-14, 15) ** 2) / (2 * 4.4**2))
    kernel = np.outer(line, line) / line.sum() ** 2
    return correlate(values, kernel, mode="mirror")


def test_smoothing_has_the_published_width() -> None:
    impulse = torch.zeros(1, 1, 112, 112)
    impulse[0, 0, 56, 56] = 1
    spread = smoothed(impulse)[0, 0]
    assert (spread[56] > 0).sum() == 49 and spread.sum() == pytest.approx(1, abs=1e-5)
    assert float(spread[56, 64] / spread[56, 56]) == pytest.approx(np.exp(-(8**2) / (2 * 7.7**2)), rel=1e-4)


def test_the_answer_goes_where_it_is_sent() -> None:
    result = seeded_result(grad=False)
    start = torch.cat([f.image for f in result.faces])
    for sign in (-1.0, 1.0):
        moved = walked(result, start, "similarity", sign, 10)
        for face in (0, 1):
            faces = [f.with_image(moved[i : i + 1]) if i == face else f for i, f in enumerate(result.faces)]
            assert sign * (predict(result.model, *faces).similarity - result.similarity) > 1e-3
        assert (moved - start).abs().max() <= 10 / 255 + 1e-6


def test_one_face_is_moved_against_its_class() -> None:
    torch.manual_seed(0)
    model = ready(Mood())
    result = predict(model, noise_faces(model, 1))
    (heatmap,) = explain(result, "fame", steps=3)
    moved = walked(result, result.faces[0].image, result.explained, -1.0, 3)
    assert not heatmap.empty
    assert predict(model, result.faces[0].with_image(moved)).scalar(result.explained) < result.scalar(result.explained)


def test_unknown_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="a way of down, up"):
        explain(planted_result(), "fame", towards="left")
    with pytest.raises(ValueError, match="at least one step"):
        explain(planted_result(), "fame", steps=0)
