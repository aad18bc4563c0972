"""Gates are the tensors that SE and CBAM multiplied with: recomputed here from the features before the gate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain.attention.gates import Gates, channel_of, read_gates, spatial_of
from models import predict
from tests.explain.attention.arms import drawn_face, make_arms

HALF = np.full(3, 0.5, np.float32)


def before_gates(model: torch.nn.Module, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """Block -> the map that enters its gate, caught by hooks: the tests' own second way to it."""
    caught: dict[str, torch.Tensor] = {}
    hooks = []
    for name, block in blocks(model).items():
        hooks.append(block.drop_path.register_forward_hook(lambda m, x, y, name=name: caught.__setitem__(name, x[0])))
    model.trunk(image)
    for hook in hooks:
        hook.remove()
    return caught


def blocks(model: torch.nn.Module):
    """Convolution blocks of stages 1 to 3: timm's have a width of their kernels, its XCA blocks none."""
    numbered = [(k, i, b) for k, s in enumerate(list(model.trunk.stages)[:3], 1) for i, b in enumerate(s.blocks)]
    return {f"stage{k}.block{i}": block for k, i, block in numbered if hasattr(block, "conv_dw")}


@pytest.mark.parametrize("name", ["edgeface_se", "edgeface_cbam"])
def test_channel_gates_equal_the_equations(name: str):
    model = make_arms()[name]
    result = predict(model, drawn_face(0), drawn_face(1))
    inputs = before_gates(model, torch.cat([result.faces[0].image, result.faces[1].image]))
    for row, gates in enumerate(read_gates(result)):
        assert [g.name for g in gates] == list(blocks(model))
        for g in gates:
            x, gate = inputs[g.name][row], blocks(model)[g.name].drop_path.gate
            mlp = gate if name == "edgeface_se" else gate.channel
            w1, w2 = mlp.squeeze.weight, mlp.excite.weight
            logits = w2 @ (w1 @ x.flatten(1).mean(1)).clamp_min(0)
            if name == "edgeface_cbam":
                logits = logits + w2 @ (w1 @ x.flatten(1).max(1).values).clamp_min(0)
            expected = 1 / (1 + np.exp(-logits.numpy().astype(np.float64)))
            assert g.face == row
            np.testing.assert_allclose(g.channel, expected, atol=1e-5)


def test_spatial_gates_equal_the_equation():
    model = make_arms()["edgeface_cbam"]
    result = predict(model, drawn_face(0), drawn_face(1))
    inputs = before_gates(model, torch.cat([result.faces[0].image, result.faces[1].image]))
    for row, gates in enumerate(read_gates(result)):
        for name, spatial in spatial_of(gates).items():
            channel = torch.from_numpy(channel_of(gates)[name])
            x = (inputs[name][row] * channel[:, None, None]).numpy()
            planes = np.pad(np.stack([x.mean(0), x.max(0)]), ((0, 0), (3, 3), (3, 3)))
            kernel = blocks(model)[name].drop_path.gate.spatial.conv.weight.numpy()[0]
            windows = np.lib.stride_tricks.sliding_window_view(planes, (7, 7), axis=(1, 2))  # (2, h, w, 7, 7)
            logits = np.einsum("chwij,cij->hw", windows, kernel)
            np.testing.assert_allclose(spatial, 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_the_grids_are_those_of_the_stages():
    result = predict(make_arms()["edgeface_cbam"], drawn_face(0), drawn_face(1))
    sides = [g.spatial.shape for g in read_gates(result)[0]]
    assert sides == [(28, 28)] * 2 + [(14, 14)] + [(7, 7)] * 5


def test_arms_without_a_gate_have_no_finding():
    arms = make_arms()
    assert read_gates(predict(arms["edgeface_none"], drawn_face(0), drawn_face(1))) == ((), ())
    se = read_gates(predict(arms["edgeface_se"], drawn_face(0), drawn_face(1)))[0]
    assert spatial_of(se) == {} and len(channel_of(se)) == 8


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((None, None), "without a gate"),
        ((HALF + 1, None), r"lies in \[0, 1\]"),
        ((None, HALF), "2 dimensions"),
        ((HALF.astype(np.float64), None), "float32"),
    ],
)
def test_gates_check_themselves(values: tuple, message: str):
    with pytest.raises(ValueError, match=message):
        Gates(*values, 0, "stage1.block0")
