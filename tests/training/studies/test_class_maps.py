"""Maps of one class against arithmetic on a network that reads one place, and against the app's explainers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explain.registry import explain
from models.face_model import ClassModel
from models.faces.align import FER_48
from models.faces.face import FaceBatch
from models.predict import predict
from models.taps import Tap
from training.studies.class_maps import METHODS, occlusion, stretched


class Corner(ClassModel):
    """Two classes: the mean of the upper left quarter, and that of the lower right one."""

    classes = ("first", "second")
    cam_tap = "features"

    def __init__(self) -> None:
        super().__init__()
        self.spec, self.name = FER_48, "corner"
        self.conv = nn.Conv2d(3, 2, 12, 12, bias=False)
        nn.init.constant_(self.conv.weight, 1 / (3 * 144))
        self.tap = Tap("features")

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        return self.tap(self.conv(image))

    def classify(self, code: Tensor) -> Tensor:
        return torch.stack([code[:, 0, :2, :2].mean((1, 2)), code[:, 1, 2:, 2:].mean((1, 2))], 1)


@pytest.fixture
def faces() -> FaceBatch:
    torch.manual_seed(0)
    return FaceBatch(torch.rand(3, 3, 48, 48) + 0.1, torch.rand(3, 5, 2))


@pytest.mark.parametrize("name", ["hires_cam", "layer_cam"])
def test_a_map_lies_where_the_class_is_read(name, faces):
    wide = stretched(METHODS[name](Corner().eval(), faces, np.array([0, 1, 0])), 48)
    assert wide.sum((1, 2)) == pytest.approx([1, 1, 1])
    assert wide[0, :24, :24].sum() > 0.7 and wide[1, 24:, 24:].sum() > 0.7
    assert wide[0, 30:, 30:].sum() < 0.01 and wide[1, :18, :18].sum() < 0.01


def test_occlusion_is_the_fall_of_the_logit():
    image = torch.zeros(1, 3, 48, 48)
    image[:, :, :24, :24] = 1  # mean 1/4: a patch of 8 px inside takes 3/4 of its 64 of 576 pixels away
    found = occlusion(Corner().eval(), FaceBatch(image, torch.zeros(1, 5, 2)), np.array([0]))
    assert float(found[0, 10, 10]) == pytest.approx(0.75 * 64 / 576, rel=1e-4)
    assert float(found[0, 40, 40]) == 0


@pytest.mark.parametrize("name", ["grad_cam", "layer_cam"])
def test_maps_equal_the_explainers_of_the_app(name, faces):
    model = Corner().eval()
    result = predict(model, faces[0:1], grad=True)
    (heatmap,) = explain(result, name, target="second")
    assert METHODS[name](model, faces[0:1], np.array([1]))[0].numpy() == pytest.approx(
        heatmap.values, rel=1e-4, abs=1e-7
    )
