"""FaceNet against facenet-pytorch's own class, and where the places of its maps lie."""

from __future__ import annotations

import pytest
import torch
from facenet_pytorch import InceptionResnetV1 as Published
from torch import nn

from models import create_model
from models.nets.facenet import PLACES, FaceNet, from_facenet_pytorch
from models.taps import record


@pytest.fixture(scope="module")
def published() -> nn.Module:
    """Random weights and statistics: initial ones and zeros would hide a swap."""
    torch.manual_seed(0)
    net = Published(classify=False)
    for name, value in net.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith(("running_mean", "bias")):
            value.normal_(0, 0.1)
        elif value.ndim == 1:
            value.uniform_(0.7, 1.3)
        elif value.ndim == 4:  # two images stay apart until the end
            nn.init.kaiming_normal_(value)
    return net.eval()


@pytest.fixture(scope="module")
def model(published: nn.Module) -> FaceNet:
    model = create_model("facenet.paper")
    assert isinstance(model, FaceNet)
    state = {**published.state_dict(), "logits.weight": torch.zeros(3, 512), "logits.bias": torch.zeros(3)}
    values, own = from_facenet_pytorch(state)
    assert values == {"dim": 512}
    model.trunk.load_state_dict(own, strict=True)
    return model.eval().requires_grad_(False)


def test_the_embedding_is_the_published_one(published: nn.Module, model: FaceNet) -> None:
    image = torch.rand(2, 3, 160, 160)
    with torch.no_grad():
        want = published((image * 255 - 127.5) / 128)
        got = model.encode(image, torch.zeros(2, 5, 2))
    assert float((want[0] - want[1]).norm()) > 0.01
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.norm(dim=1), torch.ones(2))


def test_the_maps_are_those_of_the_published_blocks(published: nn.Module, model: FaceNet) -> None:
    image, seen = torch.rand(1, 3, 160, 160), {}
    for name in ("repeat_1", "repeat_2", "block8"):
        getattr(published, name).register_forward_hook(lambda _m, _i, out, name=name: seen.setdefault(name, out))
    with torch.no_grad(), record() as evidence:
        published((image * 255 - 127.5) / 128)
        model.encode(image, torch.zeros(1, 5, 2))
    assert [tuple(evidence[t].shape) for t in PLACES] == [(1, 256, 17, 17), (1, 896, 8, 8), (1, 1792, 3, 3)]
    for tap, name in zip(PLACES, ("repeat_1", "repeat_2", "block8"), strict=True):
        torch.testing.assert_close(evidence[tap], seen[name], atol=1e-4, rtol=1e-4)


STRIDES = {  # kernel, stride, padding of what lies on the longest straight way to each stage
    "stage1.features": [(3, 2, 0), (3, 1, 0), (3, 1, 1), (3, 2, 0), (1, 1, 0), (3, 1, 0), (3, 2, 0)],
    "stage2.features": [(3, 2, 0)],
    "stage3.features": [(3, 2, 0)],
}


def test_places_are_the_centres_of_what_they_see() -> None:
    """The arithmetic of strides and paddings, layer by layer."""
    centre, step = 0.5, 1
    for tap, layers in STRIDES.items():
        for kernel, stride, padding in layers:
            centre, step = centre + step * ((kernel - 1) / 2 - padding), step * stride
        assert PLACES[tap] == (centre, step)


@pytest.mark.parametrize("tap", list(PLACES))
def test_a_place_is_drawn_where_it_sees(model: FaceNet, tap: str) -> None:
    """A peak at row 1, column 2 stands on the crop at that place's centre."""
    side = {"stage1.features": 17, "stage2.features": 8, "stage3.features": 3}[tap]
    values = torch.zeros(1, side, side)
    values[0, 1, 2] = 1
    drawn = model.on_crop(tap, values)
    assert drawn.shape == (1, 160, 160)
    row, column = divmod(int(drawn.argmax()), 160)
    start, step = PLACES[tap]
    assert abs(row + 0.5 - (start + step)) <= 0.5
    assert abs(column + 0.5 - (start + 2 * step)) <= 0.5
    constant = model.on_crop(tap, torch.full((1, side, side), 3.0))
    torch.testing.assert_close(constant, torch.full((1, 160, 160), 3.0))
