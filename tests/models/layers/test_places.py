"""Where the places of maps lie on the crop: by the arithmetic of strides, and by what the networks really see."""

from __future__ import annotations

import pytest
import torch

from models.layers.places import laid_on_crop
from models.nets import dlib_resnet, ir_resnet
from models.nets.dlib_resnet import DlibResnet, DlibResnetConfig
from models.nets.ir_resnet import IRConfig, IRResNet
from models.pair import PairModel
from models.taps import record

ENTRY = [(7, 2, 0), (3, 2, 0)]
"""Kernel, stride and padding of the encoder's layers before stage 1."""


def after(layers: list[tuple[int, int, int]], centre: float = 0.5, step: float = 1) -> tuple[float, float]:
    for kernel, stride, padding in layers:
        centre, step = centre + step * ((kernel - 1) / 2 - padding), step * stride
    return centre, step


def test_places_of_the_encoder_are_the_middle_of_both_ways_through_a_down_block() -> None:
    start, step = after(ENTRY)
    for stage in range(1, 6):
        assert dlib_resnet.PLACES[f"stage{stage}.features"] == (start, step)
        (convolved, double), (averaged, _) = after([(3, 2, 0)], start, step), after([(2, 2, 0)], start, step)
        start, step = (convolved + averaged) / 2, double


def test_places_of_ir_resnet_follow_its_strides() -> None:
    start, step = after([(3, 1, 1)])
    for stage in range(1, 5):
        start, step = after([(3, 1, 1), (3, 2, 1)], start, step)
        assert ir_resnet.PLACES[f"stage{stage}.features"] == (start, step)


def seen_at(model: PairModel, tap: str, row: int, column: int) -> tuple[float, float]:
    """Row and column in pixels: the middle of the pixels that reach one place of a map at all."""
    image = torch.rand(1, 3, model.spec.size, model.spec.size, requires_grad=True)
    with record() as evidence, torch.enable_grad():
        model.encode(image, torch.zeros(1, 5, 2))
        (gradient,) = torch.autograd.grad(evidence[tap][0, :, row, column].sum(), image)
    reached = gradient[0].abs().sum(0) > 0
    rows, columns = (reached.any(d).nonzero().flatten().float() + 0.5 for d in (1, 0))
    return float(rows[[0, -1]].mean()), float(columns[[0, -1]].mean())


@pytest.mark.parametrize(
    ("model", "tap", "place"),
    [
        (DlibResnet(), "stage1.features", (8, 26)),
        (DlibResnet(DlibResnetConfig(214)), "stage2.features", (10, 14)),
        (IRResNet(IRConfig(width=8)), "stage2.features", (18, 9)),
    ],
)
def test_a_peak_is_drawn_on_what_its_place_sees(model: PairModel, tap: str, place: tuple[int, int]) -> None:
    """On the middle of what one place sees, to 1.5 pixels; a map stretched over the crop is off by three or more."""
    torch.manual_seed(0)
    seen = seen_at(model.eval(), tap, *place)
    with record() as evidence:
        model.encode(torch.rand(1, 3, model.spec.size, model.spec.size), torch.zeros(1, 5, 2))
    values = torch.zeros(1, *evidence[tap].shape[2:])
    values[0, place[0], place[1]] = 1
    drawn = model.on_crop(tap, values)
    row, column = divmod(int(drawn.argmax()), drawn.shape[2])
    assert abs(row + 0.5 - seen[0]) <= 1.5 and abs(column + 0.5 - seen[1]) <= 1.5


def test_values_between_two_places_lie_between_theirs() -> None:
    values = torch.tensor([[[1.0, 3.0], [1.0, 3.0]]])
    drawn = laid_on_crop(values, 2.5, 4, 10)[0, 0]
    torch.testing.assert_close(drawn, torch.tensor([1, 1, 1, 1.5, 2, 2.5, 3, 3, 3, 3]))
    torch.testing.assert_close(laid_on_crop(values.mT, 2.5, 4, 10)[0, :, 0], drawn)
