"""Maps and importances are the very tensors the score was made of, and equal an independent transcription."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explain.partial.edit import Edit
from explain.partial.find import (
    APART,
    ATTENTION,
    AVERAGE,
    POOLED,
    REFERENCE,
    PartWeights,
    ask,
    look_partial,
    read_parts,
)
from models import predict
from models.faces.partial_crops import SIDE
from models.nets.partial_face import PartialFace
from models.pair import PairModel
from tests.explain.partial.partials import aligned_face, canvas, make_networks, thresholds
from tests.explain.test_evidence_used import replaced

EDIT = Edit("left eye", 0.3)


@cache
def networks() -> dict[str, PairModel]:
    return make_networks()


@pytest.fixture(scope="module")
def look():
    return look_partial(networks(), thresholds(), canvas(0), canvas(), EDIT)


def attention_net(seed: int = 0) -> PartialFace:
    model = make_networks(seed)[ATTENTION]
    assert isinstance(model, PartialFace)
    return model


def transcribed(model: PartialFace, image: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """M, s and the unit embedding of one image, in plain NumPy from block 3 and block 4 on."""
    with torch.no_grad():
        shared, features = model.trunk(image)
        raw = model.fork(shared)[0].double().numpy()
        weight = model.to_maps.weight[:, :, 0, 0].double().numpy()
        bias = model.to_maps.bias.double().numpy()  # type: ignore[union-attr]
    attention = np.maximum(np.einsum("kc,cij->kij", weight, raw) + bias[:, None, None], 0)
    opened = 1 / (1 + np.exp(-attention))
    e = np.exp(opened.mean((1, 2)))
    s = e / e.sum()
    maps = s[:, None, None] * opened
    f = features[0].double().numpy()
    codes = []
    for k, (fc, norm) in enumerate(model.aggregate):
        v = (maps[k] * f).sum((1, 2)) * len(s) / 400
        mean, var, gain, shift = (
            x.double().numpy() for x in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        )
        codes.append((fc.weight.double().numpy() @ v - mean) / np.sqrt(var + norm.eps) * gain + shift)
    code = np.mean(codes, 0)
    return maps, s, code / np.linalg.norm(code)


def test_parts_and_cosine_equal_a_transcription(look) -> None:
    model, b = attention_net(), canvas()
    ma, sa, ea = transcribed(model, aligned_face(0).aligned(model.spec).image)
    mb, sb, eb = transcribed(model, b.fed(b.edited(EDIT), model.spec).image)
    for parts, maps, weights in zip(look.now.parts, (ma, mb), (sa, sb), strict=True):
        np.testing.assert_allclose(parts.maps, maps, atol=1e-6)
        np.testing.assert_allclose(parts.weights, weights, atol=1e-6)
    assert look.now.said[ATTENTION].similarity == pytest.approx(float(ea @ eb), abs=1e-5)


def test_they_are_the_recorded_tensors() -> None:
    model, b = attention_net(), canvas()
    result = predict(model, aligned_face(0), b.fed(b.edited(EDIT), model.spec))
    for i, parts in enumerate(read_parts(result)):
        assert torch.equal(torch.from_numpy(parts.maps), result.evidence["attend.part_maps"][i])
        assert torch.equal(torch.from_numpy(parts.weights), result.evidence["attend.part_weights"][i])


@pytest.mark.parametrize("tap", ["attend.part_maps", "attend.part_weights"])
def test_handing_on_other_attention_changes_the_score(tap: str, look) -> None:
    def score(change) -> float:
        b = canvas()
        with replaced(attention_net(), tap, change) as model:
            return predict(model, aligned_face(0), b.fed(b.edited(EDIT), model.spec)).similarity

    same, before = score(lambda x: x), look.now.said[ATTENTION].similarity
    assert same == pytest.approx(before, abs=1e-7)
    only_first = torch.zeros(5).index_fill(0, torch.tensor(0), 5.0)
    changed = score(lambda x: x * only_first.view(-1, *[1] * (x.ndim - 2)))
    assert abs(changed - before) > 1e-4


def test_each_network_is_fed_and_judged_by_itself(look) -> None:
    b = canvas()
    for name in (ATTENTION, AVERAGE, REFERENCE):
        fed = b.fed(b.edited(EDIT), networks()[name].spec)
        assert look.now.said[name].similarity == pytest.approx(
            predict(networks()[name], aligned_face(0), fed).similarity, abs=1e-6
        )
        whole = predict(networks()[name], aligned_face(0), aligned_face(1))
        assert look.whole.said[name].score == pytest.approx(whole.score, abs=1e-6)
    strict = look_partial(networks(), thresholds(0.99), canvas(0), b, EDIT)
    assert look.now.said[ATTENTION].same and not strict.now.said[ATTENTION].same


def test_an_edit_costs_no_pass_of_the_whole_face(look, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[nn.Module] = []
    forward = PartialFace.encode

    def counted(self: PartialFace, image: Tensor, keypoints: Tensor) -> Tensor:
        calls.append(self)
        return forward(self, image, keypoints)

    monkeypatch.setattr(PartialFace, "encode", counted)
    again = look_partial(networks(), thresholds(), canvas(0), canvas(), Edit("nose"), look.whole)
    assert len(calls) == 1 and again.whole is look.whole
    nothing = look_partial(networks(), thresholds(), canvas(0), canvas(), Edit(), look.whole)
    assert len(calls) == 1 and nothing.now is look.whole


def test_nothing_left_is_said_and_a_sliver_is_answered() -> None:
    full = np.ones((SIDE, SIDE), bool)
    with pytest.raises(ValueError, match="Nothing of the face is left"):
        look_partial(networks(), thresholds(), canvas(0), canvas(), Edit(erased=full))
    sliver = full.copy()
    sliver[80, 80:84] = False
    look = look_partial(networks(), thresholds(), canvas(0), canvas(), Edit(erased=sliver))
    assert look.visible == pytest.approx(4 / SIDE**2)
    assert all(np.isfinite([s.score, s.similarity]).all() for s in look.now.said.values())


def test_maps_are_shown_raw_or_against_their_mean(look) -> None:
    parts = look.now.parts[1]
    raw, apart = parts.heatmap(2, POOLED), parts.heatmap(2, APART)
    np.testing.assert_array_equal(raw.values, parts.maps[2])
    assert apart.signed and not raw.signed and abs(float(apart.values.mean())) < 1e-7
    np.testing.assert_allclose(apart.values, parts.maps[2] - parts.maps[2].mean(), atol=1e-8)
    for part, kind in ((5, POOLED), (-1, POOLED), (0, "nothing")):
        with pytest.raises(ValueError, match="no part"):
            parts.heatmap(part, kind)


def test_what_does_not_fit_is_refused() -> None:
    maps = np.ones((2, 3, 3), np.float32)
    with pytest.raises(ValueError, match="do not belong together"):
        PartWeights(maps, np.ones(3, np.float32) / 3)
    with pytest.raises(ValueError, match="add up to 1"):
        PartWeights(maps, np.ones(2, np.float32))
    with pytest.raises(ValueError, match="no attended parts"):
        read_parts(predict(networks()[AVERAGE], aligned_face(0), aligned_face(1)))
    with pytest.raises(ValueError, match="partial_face is not among"):
        ask({AVERAGE: networks()[AVERAGE]}, thresholds(), canvas(0), canvas(), canvas().edited(Edit()))
