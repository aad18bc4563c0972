"""The curve of the visible area, and the greedy order in which parts can go."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from explain.partial.edit import Edit
from explain.partial.find import NETWORKS, look_partial
from explain.partial.loss import REST, after, area_curve, losses, parts_to_hide
from explain.partial.render import area_figure
from models import predict
from models.faces.align import PARTIAL_160
from models.faces.partial_crops import FACTORS, FILL
from models.pair import CosineLogit, PairModel
from tests.explain.partial.partials import aligned_face, canvas, make_networks, thresholds

MODELS = make_networks()


class Areas(PairModel):
    """Its code holds how much of each part is not filled, times a weight: the score is known by hand."""

    def __init__(self, weights: dict[str, float]) -> None:
        super().__init__()
        self.spec, self.head = PARTIAL_160, CosineLogit()
        masks = parts_to_hide(canvas().keypoints)
        self.masks = torch.from_numpy(np.stack(list(masks.values()))).float()
        values = torch.tensor([weights.get(n, 0.0) for n in masks])
        self.weights = torch.nn.Parameter(values, requires_grad=False)

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        seen = ((image * 255).round() != FILL).any(1).float()  # (B, H, W)
        area = torch.einsum("bhw,phw->bp", seen, self.masks) / self.masks.sum((1, 2))
        total = (area * self.weights).sum(1)
        return torch.stack([total, (1 - total**2).clamp_min(0).sqrt()], 1)  # at an angle of acos(total)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.head(x, y)


def test_parts_fill_the_face_and_do_not_overlap() -> None:
    parts = parts_to_hide(canvas().keypoints)
    assert list(parts) == ["left eye", "right eye", "nose", "mouth", "forehead", "jaw", REST]
    assert (np.sum(list(parts.values()), 0) == 1).all()
    x, y = np.rint(canvas().keypoints[0]).astype(int)
    assert parts["left eye"][y, x] and not parts["right eye"][y, x]
    for seed in range(10):
        odd = np.random.default_rng(seed).uniform(-40, 200, (5, 2))
        assert (np.sum(list(parts_to_hide(odd).values()), 0) == 1).all()


def test_the_cheapest_part_goes_first_until_the_decision_flips() -> None:
    """Whole, the cosine is 1; it falls to the sum of weights of what is seen: .05, .1, .2, .25, .4 go in this order."""
    weights = {"jaw": 0.05, "mouth": 0.1, "nose": 0.2, "left eye": 0.25, "right eye": 0.4}
    model = Areas(weights)
    threshold = float(torch.tensor(0.5).sigmoid())  # a cosine of .5
    found = losses(model, threshold, canvas(0), canvas())
    assert [s.part for s in found.steps] == ["forehead", REST, "jaw", "mouth", "nose", "left eye"]
    cosines = [1, 1, 0.95, 0.85, 0.65, 0.4]
    assert [s.said.similarity for s in found.steps] == pytest.approx(cosines, abs=0.02)  # a few pixels are FILL grey
    assert found.flipped and found.spared == 5 and found.left == ("right eye",)
    assert all(x.visible > y.visible for x, y in zip(found.steps, found.steps[1:], strict=False))


def test_a_decision_that_never_flips_keeps_one_part() -> None:
    found = losses(Areas({"nose": 1.0}), 0.5, canvas(0), canvas())
    assert not found.flipped and len(found.steps) == found.spared == 6 and found.left == ("nose",)


def test_without_a_match_there_is_nothing_to_lose() -> None:
    found = losses(MODELS["partial_face"], 1.0, canvas(0), canvas())
    assert found.steps == () and not found.whole.same and not found.flipped and len(found.left) == 7


def test_each_step_says_what_predict_says() -> None:
    model, b = MODELS["partial_face"], canvas()
    found = losses(model, 0.0, canvas(0), b)
    masks = parts_to_hide(b.keypoints)
    hidden = masks[found.steps[0].part] | masks[found.steps[1].part]
    edited = b.edited(Edit(erased=hidden))
    expected = predict(model, aligned_face(0), b.fed(edited, model.spec))
    assert found.steps[1].said.score == pytest.approx(expected.score, abs=1e-5)
    np.testing.assert_array_equal(after(b, found, 1), edited.image)
    others = [
        predict(model, aligned_face(0), b.fed(b.edited(Edit(erased=m)), model.spec)).score for m in masks.values()
    ]
    assert found.steps[0].said.score == pytest.approx(max(others), abs=1e-5)


@pytest.mark.parametrize("centred", [False, True])
def test_the_curve_is_what_predict_says_at_every_size(centred: bool) -> None:
    b = canvas()
    curve = area_curve(MODELS, canvas(0), b, "nose", centred)
    assert curve.visible.shape == (9,) and (np.diff(curve.visible) > 0).all()
    assert curve.visible[-1] == pytest.approx(0.737, abs=1e-3)  # the protocol's largest
    for name, model in MODELS.items():
        for i in (0, 8):
            fed = b.fed(b.edited(Edit("nose", FACTORS[i], centred)), model.spec)
            expected = predict(model, aligned_face(0), fed)
            assert curve.score[name][i] == pytest.approx(expected.score, abs=1e-5)
            assert curve.similarity[name][i] == pytest.approx(expected.similarity, abs=1e-5)


def test_the_figure_marks_threshold_and_present_state() -> None:
    b = canvas()
    look = look_partial(MODELS, thresholds(0.37), canvas(0), b, Edit("nose", 0.2))
    curve = area_curve(MODELS, canvas(0), b, "nose", False)
    figure = area_figure(curve, look.now.said, look.visible)
    lines = [t for t in figure.data if t.mode == "lines+markers"]
    here = [t for t in figure.data if t.mode == "markers"]
    assert len(lines) == len(here) == len(figure.layout.shapes) == len(NETWORKS)
    assert {s.y0 for s in figure.layout.shapes} == {0.37}
    for trace, name in zip(here, NETWORKS, strict=True):
        assert trace.x[0] == pytest.approx(100 * look.visible)
        at = curve.score[name][FACTORS.index(0.2)]
        assert trace.y[0] == pytest.approx(float(at), abs=1e-5)  # the present state lies on its own curve
