"""Expression: what it sees, and its heads against arithmetic written out again."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models import create_model
from models.expressions import EXPRESSIONS
from models.nets.expression import AnchorHead, Expression, ExpressionConfig, GraphHead
from models.taps import record


def net(**values: object) -> Expression:
    torch.manual_seed(0)
    model = create_model("expression", **values).eval()
    assert isinstance(model, Expression)
    return model


def test_it_sees_grey_and_what_48_px_hold() -> None:
    model, image = net(), torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    grey = 0.299 * image[:, 0] + 0.587 * image[:, 1] + 0.114 * image[:, 2]
    torch.testing.assert_close(model.seen(image), model.seen(grey[:, None].expand(-1, 3, -1, -1)))
    board = torch.tensor([[0.1, -0.1], [-0.1, 0.1]]).repeat(48, 48)[1:-1, 1:-1]
    inside = F.pad(board, (1, 1, 1, 1))
    assert (model.seen(image + inside) - model.seen(image))[..., 8:-8, 8:-8].abs().max() < 1e-6
    assert (model.seen(image + 0.1) - model.seen(image)).mean().item() == pytest.approx(0.1, abs=1e-6)


def test_a_crop_of_48_px_is_only_enlarged() -> None:
    small = torch.rand(1, 1, 48, 48)
    seen = net().seen(small.expand(-1, 3, -1, -1))
    torch.testing.assert_close(seen[:, :1], F.interpolate(small, scale_factor=2.0, mode="bilinear"))
    assert net(trunk="ir18").seen(torch.rand(2, 3, 96, 96)).shape == (2, 3, 64, 64)


def test_every_place_of_stage_3_is_read() -> None:
    model = net()
    with record() as evidence:
        code = model.encode(torch.rand(1, 3, 96, 96).requires_grad_(), torch.zeros(1, 5, 2))
    map3 = evidence["stage3.features"]
    assert map3.shape == (1, 100, 6, 6) and code.shape == (1, 192, 3, 3)
    (gradient,) = torch.autograd.grad(code.square().sum(), map3)
    assert (gradient.abs().sum(1) > 0).all()


def test_the_published_network_has_its_layers() -> None:
    model = net(trunk="vgg13", dropout=0.5)
    convs = [m.out_channels for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    linear = [(m.in_features, m.out_features) for m in model.modules() if isinstance(m, torch.nn.Linear)]
    drops = [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)]
    assert convs == [64, 64, 128, 128, 256, 256, 256, 256, 256, 256]
    assert linear == [(4096, 1024), (1024, 1024), (1024, 8)] and drops == [0.25] * 4 + [0.5, 0.5]


def test_gates_stand_in_every_block() -> None:
    with record() as evidence:
        net(trunk="ir18", gate="cbam").encode(torch.rand(1, 3, 96, 96), torch.zeros(1, 5, 2))
    assert sum(tap.endswith("channel_gate") for tap in evidence) == 8
    assert sum(tap.endswith("spatial_gate") for tap in evidence) == 8


def test_the_graph_counts_what_is_voted_together() -> None:
    head = GraphHead(4)
    votes = torch.zeros(4, 8)
    votes[0, [0, 3]] = 0.5  # neutral and sadness
    votes[1, [0, 3]] = 0.5
    votes[2, [0, 1]] = 0.5
    votes[3, 1] = 1
    head.relate(votes)
    wanted = torch.eye(8) * 0.8
    wanted[0, 3], wanted[0, 1], wanted[3, 0], wanted[1, 0] = 0.2 * 2 / 3, 0.2 / 3, 0.2, 0.2
    torch.testing.assert_close(head.adjacency, wanted)


def test_graph_head_is_two_convolutions_over_the_classes() -> None:
    head, x = GraphHead(4, width=3), torch.rand(2, 4)
    head.relate(torch.rand(5, 8))
    a, e = head.adjacency.numpy(), head.embedding.detach().numpy()
    w1, w2 = (m.weight.detach().numpy().T for m in (head.first, head.second))
    hidden = a @ e @ w1
    hidden = np.where(hidden > 0, hidden, 0.2 * hidden)
    np.testing.assert_allclose(head(x).detach().numpy(), x.numpy() @ (a @ hidden @ w2).T, atol=1e-5)


def test_anchors_correct_an_unsure_classifier() -> None:
    head, x = AnchorHead(5, anchors=2), torch.rand(3, 5)
    shares = head.linear(x).softmax(1).detach().numpy()
    unit = x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True)
    anchors = head.anchors.detach().numpy()
    anchors = anchors / np.linalg.norm(anchors, axis=2, keepdims=True)
    away = np.linalg.norm(unit[:, None, None] - anchors[None], axis=3)  # (3, 8, 2)
    near = np.exp(-8 * away)
    near = near.sum(2) / near.sum((1, 2))[:, None]
    mixed = np.empty((3, 8))
    for row in range(3):
        weights = [1 + (p * np.log(p)).sum() / math.log(8) for p in (shares[row], near[row])]
        mixed[row] = (weights[0] * shares[row] + weights[1] * near[row]) / sum(weights)
    np.testing.assert_allclose(head(x).softmax(1).detach().numpy(), mixed, atol=1e-5)


def test_shares_and_the_majority_have_their_temperatures() -> None:
    model, code = net(), torch.rand(1, 192, 3, 3)
    raw = model.classify(code)
    model.temperature.fill_(2.0)
    model.sharpening.fill_(3.0)
    torch.testing.assert_close(model.classify(code), raw / 2)
    torch.testing.assert_close(model.majority(raw / 2), (1.5 * raw).softmax(1))


def test_the_second_head_leaves_the_first_alone() -> None:
    plain, both = net(), net(single=True)
    both.load_state_dict({**both.state_dict(), **plain.state_dict()})
    code = torch.rand(2, 192, 3, 3)
    assert torch.equal(plain.classify(code), both.classify(code))
    assert both.single_label(code).shape == (2, len(EXPRESSIONS) - 1)


@pytest.mark.parametrize("values", [{"trunk": "vgg19"}, {"head": "tree"}])
def test_unknown_parts_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="trunk is one of edgeface, ir18, vgg13, head one of linear, graph, anchors"):
        Expression(ExpressionConfig(**values))
