"""FaCoRNet against a NumPy transcription; its attention is what the score was made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models import FaceBatch, create_model, predict
from models.nets.edgeface import EdgeFaceConfig, EdgeFaceTrunk
from models.nets.facor import FaCoR, FaCoRConfig
from models.outputs import PairOutput
from models.taps import Tap, record


def trained_looking(seed: int = 0, **values: float | str) -> FaCoR:
    """A demo network whose batch norms have seen something and whose gates are not at one half."""
    torch.manual_seed(seed)
    model = FaCoR(FaCoRConfig(**values))  # type: ignore[arg-type]
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0  # one batch is all the statistics there are
    with torch.no_grad():
        model.trunk(torch.rand(8, 3, 112, 112))
        for parameter in model.gate.parameters():
            parameter.mul_(8)
    return model.eval()


def maps(n: int, seed: int, channels: int = 256) -> Tensor:
    return torch.randn(n, channels, 7, 7, generator=torch.Generator().manual_seed(seed))


def faces(n: int, seed: int) -> FaceBatch:
    generator = torch.Generator().manual_seed(seed)
    return FaceBatch(torch.rand(n, 3, 112, 112, generator=generator), torch.rand(n, 5, 2, generator=generator))


# --- transcription, one pair at a time, float64 -----------------------------------------------------------------


def array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def softmax(v: np.ndarray) -> np.ndarray:
    e = np.exp(v - v.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def affine(module: nn.Module, v: np.ndarray) -> np.ndarray:
    """A Linear or 1x1 Conv2d on columns: (C, N) -> (C', N), or on one vector."""
    weight, bias = array(module.weight), array(module.bias)  # type: ignore[arg-type]
    out = weight.reshape(len(weight), -1) @ v
    return out + (bias[:, None] if out.ndim == 2 else bias)


def unit(v: np.ndarray) -> np.ndarray:
    return v / np.sqrt((v**2).sum(0, keepdims=True))


def global_embedding(model: FaCoR, x: np.ndarray) -> np.ndarray:
    """BN, flatten, fc, BN at inference, then unit length; x: (C, 49)."""
    trunk = model.trunk

    def norm(bn: nn.Module, v: np.ndarray) -> np.ndarray:
        mean, var, scale, shift = (array(t) for t in (bn.running_mean, bn.running_var, bn.weight, bn.bias))  # type: ignore[arg-type]
        columns = [p.reshape(-1, *[1] * (v.ndim - 1)) for p in (mean, var, scale, shift)]
        return (v - columns[0]) / np.sqrt(columns[1] + 1e-5) * columns[2] + columns[3]

    return unit(norm(trunk.features, affine(trunk.fc, norm(trunk.bn2, x).reshape(-1))))


def transcription(model: FaCoR, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Two maps (C, 49) -> (cosine of the fused representations, A)."""
    both = np.concatenate([unit(x), unit(y)]) * 16  # the root of 256 channels
    query, key = affine(model.components.query, both), affine(model.components.key, both) / 4  # of 16 channels
    attention = np.stack([softmax(np.array([query[:, i] @ key[:, j] for j in range(49)])) for i in range(49)])
    g = [global_embedding(model, v) for v in (x, y)]
    h = affine(model.channel_attention.mix, np.concatenate(g))
    energy = np.outer(h, h)
    channel = softmax(energy.max(1, keepdims=True) - energy)
    fused = []
    values = (model.components.value_x, model.components.value_y)
    for face, embedding, value in zip((x, y), g, values, strict=True):
        v = affine(value, unit(face))
        weighted = np.stack([(attention[i] * v).sum(1) for i in range(49)], 1) + unit(face)
        joined = np.concatenate([channel @ embedding + embedding, weighted.mean(1)])
        gate = 1 / (1 + np.exp(-affine(model.gate.excite, np.maximum(affine(model.gate.squeeze, joined), 0))))
        fused.append((gate * joined)[:256] + (gate * joined)[256:])
    return float(unit(fused[0]) @ unit(fused[1])), attention


def test_equals_the_transcription() -> None:
    model = trained_looking()
    x, y = maps(3, 1), maps(3, 2)
    model.logit.slope.fill_(3.0)
    model.logit.offset.fill_(-0.5)
    with torch.no_grad(), record() as evidence:
        logit = model.relate(x, y)
    for i in range(3):
        cosine, attention = transcription(model, array(x[i]).reshape(256, 49), array(y[i]).reshape(256, 49))
        assert float(logit[i]) == pytest.approx(3 * cosine - 0.5, abs=1e-5)
        np.testing.assert_allclose(array(evidence["relation.cross_attn"][i]), attention, atol=1e-5)


# --- evidence ---------------------------------------------------------------------------------------------------


def tap_of(model: FaCoR) -> Tap:
    return model.components.tap


def test_perturbing_the_tapped_attention_changes_the_score() -> None:
    """Whatever leaves the tap is what the score is made of: replace it and the transcription's answer follows."""
    model = trained_looking()
    x, y = maps(1, 1), maps(1, 2)
    flat = torch.full((1, 49, 49), 1 / 49)
    with torch.no_grad():
        before = model.relate(x, y)
        handle = tap_of(model).register_forward_hook(lambda module, inputs, output: flat)
        after = model.relate(x, y)
        handle.remove()
    assert (before - after).abs() > 1e-4
    relation_free = model.components.query.weight.detach().clone()
    with torch.no_grad():  # the same flat attention from inside: zero queries
        model.components.query.weight.zero_()
        model.components.query.bias.zero_()  # type: ignore[union-attr]
        inside = model.relate(x, y)
        model.components.query.weight.copy_(relation_free)
    torch.testing.assert_close(after, inside, atol=1e-6, rtol=0)


def test_small_change_of_the_attention_moves_the_score_as_its_gradient_says() -> None:
    model = trained_looking().double()
    x, y = maps(1, 1).double(), maps(1, 2).double()
    with record() as evidence:
        logit = model.relate(x, y)
    (gradient,) = torch.autograd.grad(logit.sum(), evidence["relation.cross_attn"])
    assert gradient.abs().max() > 0
    step = 1e-5 * gradient / gradient.norm()
    handle = tap_of(model).register_forward_hook(lambda module, inputs, output: output + step)
    with torch.no_grad():
        moved = model.relate(x, y)
    handle.remove()
    assert float((moved - logit).detach()) == pytest.approx(1e-5 * float(gradient.norm()), rel=1e-3)


def test_evidence_rows_are_both_orders() -> None:
    model = trained_looking()
    model.name = "facor"
    a, b = faces(1, 3), faces(1, 4)
    result = predict(model, a, b)
    attention = result.evidence["relation.cross_attn"]
    assert attention.shape == (2, 49, 49)
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 49))
    swapped = predict(model, b, a).evidence["relation.cross_attn"]
    torch.testing.assert_close(attention, swapped.flip(0), atol=1e-6, rtol=1e-5)
    assert (attention[0] - attention[1]).abs().max() > 1e-4  # the order of the faces matters to A


def test_attention_does_not_depend_on_the_scale_of_the_maps() -> None:
    """Nothing holds that scale in training: it would grow until A is one-hot."""
    model, x, y = trained_looking(), maps(2, 1), maps(2, 2)
    with torch.no_grad():
        near, far = model.fuse(x, y).attention, model.fuse(5 * x, 5 * y).attention
    torch.testing.assert_close(near, far)


def test_score_is_symmetric_after_averaging() -> None:
    model = trained_looking()
    with torch.no_grad():
        ab, ba = model(faces(3, 5), faces(3, 6)), model(faces(3, 6), faces(3, 5))
    torch.testing.assert_close(ab.score, ba.score, atol=1e-6, rtol=0)
    assert (ab.logit[:, 0] - ab.logit[:, 1]).abs().max() > 1e-6  # one order alone is not symmetric


# --- pooling and trunk ------------------------------------------------------------------------------------------


def with_rows(model: FaCoR, change: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    """The log-odds with the attention changed on its way."""
    handle = tap_of(model).register_forward_hook(lambda module, inputs, output: change(output))
    with torch.no_grad():
        logit = model.relate(x, y)
    handle.remove()
    return logit


def test_exchanging_rows_counts_with_the_maximum_and_not_with_the_mean() -> None:
    x, y = maps(2, 1), maps(2, 2)
    changes = {}
    for pooling in ("mean", "max"):
        model = trained_looking(pooling=pooling)
        with torch.no_grad():
            model.components.query.weight.mul_(8)  # rows that differ
            before = model.relate(x, y)
        changes[pooling] = (with_rows(model, lambda a: a.flip(1), x, y) - before).abs().min()
    assert changes["mean"] < 1e-6 < 1e-4 < changes["max"]


def test_the_maximum_by_hand() -> None:
    model, x, y = trained_looking(pooling="max"), maps(1, 1), maps(1, 2)
    with torch.no_grad():
        pooled, _, attention = model.components(x, y)
        parts = model.components.by_place(x, attention)[0]
    face = unit(array(x[0]).reshape(256, 49))
    values, a = affine(model.components.value_x, face), array(attention[0])
    linked = np.stack([(a[i] * values).sum(1) for i in range(49)], 1) + face
    top = linked.argmax(1)
    length = np.sqrt((linked.max(1) ** 2).sum())
    np.testing.assert_allclose(array(pooled[0]), linked.max(1) / length, atol=1e-6)
    own = np.stack([a[top[c]] * values[c] + (np.arange(49) == top[c]) * face[c] for c in range(256)]) / length
    np.testing.assert_allclose(array(parts), own, atol=1e-6)


def test_on_edgeface_the_global_embedding_is_edgefaces_own_projected() -> None:
    model = FaCoR(FaCoRConfig(trunk="edgeface")).eval()
    shown = faces(2, 1)
    with torch.no_grad(), record() as evidence:
        code = model.encode(shown.image, shown.keypoints)
    with torch.no_grad():
        edgeface = EdgeFaceTrunk(EdgeFaceConfig()).eval()
        edgeface.load_state_dict(model.trunk.state_dict())
        whole = nn.functional.normalize(edgeface(shown.image), dim=1)
        embedding = model.embedding(code)
    assert torch.equal(code, evidence["stage3.features"]) and code.shape == (2, 100, 7, 7)
    expected = nn.functional.normalize(whole @ model.to_global.weight.T, dim=1)  # type: ignore[operator]
    torch.testing.assert_close(embedding, expected, atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        output = model(shown, faces(2, 2))
        places, rest = model.places(code, code)
        torch.testing.assert_close(places.sum((1, 2)) + rest, model.relate(code, code), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(embedding, output.embeddings[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("values", [{"trunk": "vgg"}, {"pooling": "sum"}])
def test_unknown_choices_are_named(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="there are: "):
        FaCoRConfig(**values)  # type: ignore[arg-type]


# --- training ---------------------------------------------------------------------------------------------------


def test_the_relation_gives_the_attention_that_is_on_the_tap() -> None:
    model = trained_looking()
    with torch.no_grad(), record() as evidence:
        relation = model.fuse(maps(4, 1), maps(4, 2))
    assert relation.attention is evidence["relation.cross_attn"]


def test_comparing_in_training_sees_each_pair_in_one_batch_norm_call() -> None:
    model = trained_looking().train()
    calls: list[int] = []
    model.trunk.features.register_forward_hook(lambda module, inputs, output: calls.append(len(output)))
    output = model(faces(2, 1), faces(2, 2))
    assert isinstance(output, PairOutput)
    assert len(calls) == 1


def test_embedding_is_the_face_alone() -> None:
    model = trained_looking()
    with torch.no_grad():
        code = model.encode(*(lambda f: (f.image, f.keypoints))(faces(2, 1)))
        output = model(faces(2, 1), faces(2, 7))
    assert code.shape == (2, 256, 7, 7)
    torch.testing.assert_close(model.embedding(code), output.embeddings[0], atol=1e-5, rtol=1e-5)


def test_published_size() -> None:
    with torch.device("meta"):
        model = create_model("facor.paper")
    assert isinstance(model, FaCoR)
    parts = model.components, model.gate
    assert parts[0].query.weight.shape == (32, 1024, 1, 1)
    assert parts[0].value_x.weight.shape == (512, 512, 1, 1)
    assert parts[1].squeeze.weight.shape == (128, 1024)
    assert model.trunk.fc.weight.shape == (512, 25088)
