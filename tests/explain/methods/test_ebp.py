"""Excitation backpropagation against the rule written out on dense matrices, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from explain import EXPLAINERS, explain, methods_for
from explain.core.excitation import Excitation
from explain.methods import ebp
from explain.methods.ebp import top
from models import create_model, predict
from models.faces.face import FaceBatch
from models.nets.dlib_resnet import Residual
from models.pair import PairModel
from models.taps import kind_of, record
from tests.explain.tiny import Rectified, noise_faces, ready, rectified_result

METHODS = [label for label, row in EXPLAINERS.items() if "rectified" in row.needs and row.layers]


def dense(linear: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> np.ndarray:
    """(outputs, inputs) of a linear map of (1, *shape), column by column."""
    basis = torch.eye(int(np.prod(shape)), dtype=torch.float64).view(-1, *shape)
    return linear(basis).flatten(1).T.numpy()


def excite(weights: np.ndarray, below: Tensor, winning: np.ndarray) -> np.ndarray:
    """P_below = A * (W+^T (P / (W+ A)))."""
    above_zero, a = np.maximum(weights, 0), np.maximum(below.numpy().ravel(), 0)
    total = above_zero @ a
    return a * (above_zero.T @ np.divide(winning, total, out=np.zeros_like(total), where=total > 0))


def conv(layer: torch.nn.Conv2d, below: Tensor, winning: np.ndarray) -> np.ndarray:
    own = lambda x: F.conv2d(x, layer.weight, None, layer.stride, layer.padding)  # noqa: E731
    return excite(dense(own, tuple(below.shape[1:])), below, winning)


def affine(layer: torch.nn.Module, below: Tensor, winning: np.ndarray) -> np.ndarray:
    scale = layer.weight[:, None, None].expand(below.shape[1:]).numpy().ravel()
    return excite(np.diag(scale), below, winning)


def block(layer: Residual, x: Tensor, winning: np.ndarray) -> np.ndarray:
    """Through one residual block, from its output to its input x."""
    c1 = layer.conv1(x)
    r1 = layer.affine1(c1).relu()
    c2 = layer.conv2(r1)
    y = layer.affine2(c2)
    shortcut = F.avg_pool2d(x, 2) if layer.down else x
    channels, side = max(y.shape[1], shortcut.shape[1]), max(y.shape[3], shortcut.shape[3])
    large = np.zeros((2, channels, side, side))
    for i, part in enumerate((y, shortcut)):
        large[i, : part.shape[1], : part.shape[2], : part.shape[3]] = part[0].relu().numpy()
    shared = winning.reshape(large.shape[1:]) * np.divide(
        large, large.sum(0), out=np.zeros_like(large), where=large > 0
    )
    own, short = (shared[i, : p.shape[1], : p.shape[2], : p.shape[3]].ravel() for i, p in enumerate((y, shortcut)))
    down = affine(layer.affine2, c2, own)
    down = conv(layer.conv2, r1, down)
    down = conv(layer.conv1, x, affine(layer.affine1, c1, down))
    if layer.down:
        short = excite(dense(lambda t: F.avg_pool2d(t, 2), tuple(x.shape[1:])), x, short)
    return down + short


def flow(model: Rectified, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pooled, the winners' places, the first block's map, the deep map."""
    shallow = model.affine(model.conv(image * 4 - 2)).relu()
    pooled, places = F.max_pool2d(shallow, 2, return_indices=True)
    first = model.down(pooled)
    return pooled, places, first, model.plain(first)


def written_out(model: Rectified, image: Tensor, other: Tensor, sign: float) -> np.ndarray:
    """(16, 16): excitation of one face at the shallow layer, from its code down."""
    deep = flow(model, image)[-1]
    mean = deep.mean((2, 3))
    code = model.fc(mean)
    start = np.maximum(sign * (code * other).numpy().ravel(), 0)
    turned = model.fc.weight.numpy() * np.sign(code.numpy()).T  # a dimension below zero has its weights negated
    down = excite(dense(lambda t: t.mean((2, 3)), tuple(deep.shape[1:])), deep, excite(turned, mean, start))
    return from_deep(model, image, down)


def from_deep(model: Rectified, image: Tensor, winning: np.ndarray) -> np.ndarray:
    """(16, 16): excitation at the shallow layer from that of the deep one."""
    pooled, places, first, _ = flow(model, image)
    down = block(model.down, pooled, block(model.plain, first, winning))
    at = np.zeros((6, 16 * 16))
    for channel in range(6):
        np.add.at(at[channel], places[0, channel].numpy().ravel(), down.reshape(6, -1)[channel])
    return (at / at.sum()).sum(0).reshape(16, 16)


@pytest.mark.parametrize("seed", [0, 3])
def test_equals_the_rule_written_out(seed: int) -> None:
    result = rectified_result(seed)
    model = ready(Rectified(seed)).double()
    images = [f.image.double() for f in result.faces]
    codes = [model.encode(image, None) for image in images]
    maps = {method: explain(result, method, layer="shallow.features") for method in METHODS}
    for i in (0, 1):
        agree, differ = (written_out(model, images[i], codes[1 - i], sign) for sign in (1.0, -1.0))
        assert agree.max() > 2 / 256 and np.abs(agree - differ).max() > 1e-3
        np.testing.assert_allclose(maps["ebp"][i].values, agree, atol=1e-6)
        contrast = np.maximum(agree - differ, 0)
        np.testing.assert_allclose(maps["contrastive_ebp"][i].values, contrast, atol=1e-6)
        largest, held, kept = np.argsort(-agree, axis=None), 0.0, np.zeros(256)
        for place in largest:
            if held < 0.8:
                kept[place] = 1
                held += agree.ravel()[place]
        np.testing.assert_allclose(maps["truncated_ebp"][i].values, contrast * kept.reshape(16, 16), atol=1e-6)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_subtree_starts_at_the_unit_that_holds_the_agreement_up(seed: int) -> None:
    result = rectified_result(seed)
    model = ready(Rectified(seed)).double()
    images = [f.image.double() for f in result.faces]
    codes = [model.encode(image, None)[0].numpy() for image in images]
    maps = explain(result, "subtree_ebp", layer="shallow.features")
    for i in (0, 1):
        deep, other = flow(model, images[i])[-1][0].numpy(), codes[1 - i]
        agree = (codes[i] * other > 0) * other @ model.fc.weight.numpy()  # slope of each channel's mean
        differ = (codes[i] * other < 0) * -other @ model.fc.weight.numpy()
        score = np.where(agree[:, None, None] >= 0, -deep * differ[:, None, None] / 16, -np.inf)
        assert score.max() > 0
        node = np.zeros(deep.size)
        node[score.argmax()] = 1
        np.testing.assert_allclose(maps[i].values, from_deep(model, images[i], node), atol=1e-6)


def best_scores(model: PairModel, face: FaceBatch, other: Tensor) -> dict[str, float]:
    """`features` tap -> the largest -x dy'/dx among places with dy/dx >= 0, for one face."""
    with record() as evidence, torch.enable_grad():
        products = (model.encode(face.image.clone().requires_grad_(True), face.keypoints) * other)[0]
    agree, differ = products[products > 0].sum(), -products[products < 0].sum()
    found = {}
    for tap in (name for name in evidence if kind_of(name) == "features"):
        up, against = (torch.autograd.grad(y, evidence[tap], retain_graph=True)[0] for y in (agree, differ))
        found[tap] = float((-evidence[tap].detach() * against)[up >= 0].max().clamp_min(0))
    return found


def test_a_subtree_is_the_mean_of_the_best_layers_weighted_by_their_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = ready(create_model("dlib_resnet"))
    monkeypatch.setattr(type(model), "on_crop", lambda self, tap, values: values)  # places as they are, not drawn
    result = predict(model, noise_faces(model, 1), noise_faces(model, 2))
    codes = [model.encode(face.image, face.keypoints) for face in result.faces]
    scores = [best_scores(model, face, codes[1 - i]) for i, face in enumerate(result.faces)]
    first, *deeper = scores[0]
    maps = explain(result, "subtree_ebp", layer=first)
    alone = {}
    for tap in deeper:  # of a network that has no other layer, the map is that layer's
        with monkeypatch.context() as patch:
            patch.setattr(ebp, "tap_names", lambda model, tap=tap: [first, tap])
            alone[tap] = [m.values for m in explain(result, "subtree_ebp", layer=first)]
    for i, score in enumerate(scores):
        best = sorted(deeper, key=lambda tap: -score[tap])[:3]
        weights = np.array([score[tap] for tap in best]) / sum(score[tap] for tap in best)
        assert weights.min() > 0.01 and weights.max() > 0.5
        wanted = np.einsum("l,lhw->hw", weights, np.stack([alone[tap][i] for tap in best]))
        np.testing.assert_allclose(maps[i].values, wanted, rtol=1e-3, atol=1e-7)


def test_a_subtree_is_made_of_as_many_layers_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = ready(create_model("dlib_resnet"))
    result = predict(model, noise_faces(model, 1), noise_faces(model, 2))
    alone = {}
    for best in (1, 2, 3):
        monkeypatch.setattr(ebp, "BEST", best)
        alone[best] = np.stack([m.values for m in explain(result, "subtree_ebp")])
        np.testing.assert_allclose(alone[best].sum((1, 2)), 1, atol=1e-4)
    assert not np.allclose(alone[1], alone[2]) and not np.allclose(alone[2], alone[3])
    deepest = explain(result, "subtree_ebp", layer="stage5.features")[0].values
    assert deepest.shape == (150, 150) and deepest.sum() == pytest.approx(1, abs=1e-4)


def test_the_top_places_hold_the_share() -> None:
    maps = torch.tensor([[[0.5, 0.1], [0.3, 0.1]], [[0.25, 0.25], [0.25, 0.25]]])
    assert top(maps, 0.79).tolist() == [[[True, False], [True, False]], [[True, True], [True, True]]]
    assert top(maps, 0.4).sum((1, 2)).tolist() == [1, 2]


def test_the_answer_is_the_same_and_nothing_is_left_behind() -> None:
    result = rectified_result(grad=True)
    model, face = result.model, result.faces[0]
    with Excitation():
        excited = model.encode(face.image, face.keypoints)
    plain = model.encode(face.image, face.keypoints)
    assert torch.equal(excited, plain)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    (wanted,) = torch.autograd.grad(plain.sum(), face.image)
    for method in METHODS:
        explain(result, method)
    (after,) = torch.autograd.grad(model.encode(face.image, face.keypoints).sum(), face.image)
    assert torch.equal(wanted, after)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_described_and_follow_their_faces(method: str) -> None:
    model = ready(Rectified())
    one, two = noise_faces(model, 1), noise_faces(model, 2)
    a, b = explain(predict(model, one, two), method)
    b2, a2 = explain(predict(model, two, one), method)
    np.testing.assert_allclose(a.values, a2.values, atol=1e-6)
    np.testing.assert_allclose(b.values, b2.values, atol=1e-6)
    assert (a.method, a.face, b.face) == (method, 0, 1) and not np.array_equal(a.values, b.values)
    assert a.caption == f"{EXPLAINERS[method].caption} Layer: shallow.features."
    assert explain(predict(model, one, two), method, layer="deep.features")[0].values.shape == (4, 4)
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(lambda _: explain(predict(model, one, two), method)[0], range(8)):
            np.testing.assert_allclose(again.values, a.values, atol=1e-6)


def test_other_weights_give_another_map() -> None:
    one, other = explain(rectified_result(0), "ebp")[0], explain(rectified_result(1), "ebp")[0]
    assert abs(np.corrcoef(one.values.ravel(), other.values.ravel())[0, 1]) < 0.6


def test_offered_only_where_it_is_defined() -> None:
    assert set(METHODS) <= set(methods_for(create_model("dlib_resnet")))
    for name in ("dlib_kin", "edgeface", "edgeface_none", "svit"):
        assert not set(METHODS) & set(methods_for(create_model(name)))


def test_an_operation_without_a_rule_is_named() -> None:
    x = torch.rand(3, requires_grad=True)
    with pytest.raises(ValueError, match="not defined for 'sigmoid'"), Excitation():
        torch.sigmoid(x)


def test_the_reference_encoder_is_covered() -> None:
    torch.manual_seed(0)
    model = ready(create_model("dlib_resnet"))
    a, b = explain(predict(model, noise_faces(model, 1), noise_faces(model, 2)), "ebp")
    assert a.values.shape == (150, 150) and a.values.sum() == pytest.approx(1, abs=1e-4) and b.values.min() >= 0
