"""The study of the choices that make a class activation map: each is what it says, and the page is of the file."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from benchmarks.evidence import cam_choices
from benchmarks.evidence.cam_choices import RESULTS, as_coarse, choices, records_of, signed_grad_cam, smoothed
from benchmarks.evidence.curves import RANDOM, Protocol
from benchmarks.evidence.page import PAGE
from benchmarks.evidence.page import choices as table_of
from explain import explain
from explain.core.findings import Heatmap
from models import FaceBatch, Result, predict, read_sidecar
from tests.explain.tiny import Planted, planted_faces, ready
from tests.one_face.mood import Mood
from training.docs.text import put


@pytest.fixture
def pair() -> Result:
    model = ready(Planted())
    return predict(model, *planted_faces(model), grad=True)


def test_every_choice_is_measured_once(pair: Result) -> None:
    found = [(what, choice) for what, choice, _ in choices(pair)]
    assert len(set(found)) == len(found) and ("Grad-CAM, target", "log-odds") in found
    by_choice = {choice: heatmap.values for what, choice, heatmap in choices(pair) if what == "xSSAB"}
    raw, wide = by_choice["of single pixels"], by_choice["smoothed as FGGB is"]
    assert wide.std() < raw.std() and wide.sum() == pytest.approx(raw.sum(), abs=0.2 * float(np.abs(raw).sum()))
    records = records_of(3, True, pair, Protocol(steps=4, orders=2, fills=("blur", "grey")))
    assert [r["method"] for r in records] == [*(json.dumps(f) for f in found), RANDOM]
    assert {(r["pair"], r["same"], r["target"]) for r in records} == {(3, True, "similarity")}


def test_a_class_has_its_probability_as_other_target() -> None:
    torch.manual_seed(0)
    model = ready(Mood())
    result = predict(model, FaceBatch(torch.rand(1, 3, 48, 48), torch.rand(1, 5, 2)), grad=True)
    target = cam_choices.other_target(result)
    assert target == f"P({result.output.leading})"
    assert {choice for what, choice, _ in choices(result) if what == "Grad-CAM, target"} == {"probability"}


def test_without_relu_it_is_grad_cam_where_that_is_above_zero(pair: Result) -> None:
    layer = pair.model.cam_tap
    signed, plain = signed_grad_cam(pair, layer).values, explain(pair, "grad_cam", layer=layer)[0].values
    np.testing.assert_allclose(np.maximum(signed, 0), plain, atol=1e-6)
    assert plain.any()


def test_copies_without_noise_give_the_map_itself_and_noise_another(
    pair: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = pair.model.cam_tap
    plain = explain(pair, "hires_cam", layer=layer)[0].values
    noisy = smoothed(pair, layer).values
    monkeypatch.setattr(cam_choices, "NOISE", 0.0)
    np.testing.assert_allclose(smoothed(pair, layer).values, plain, atol=1e-6)
    assert np.abs(noisy - plain).max() > 1e-4


def test_a_coarse_map_holds_the_means() -> None:
    heatmap = Heatmap(np.arange(16, dtype=np.float32).reshape(4, 4), 0, "occlusion", True, "", "")
    assert as_coarse(heatmap, 2).values.tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_the_page_is_of_the_file() -> None:
    page, found = PAGE.read_text(), json.loads(RESULTS.read_text())
    assert put(page, "cam choices", table_of(found)) == page
    for name, row in found["weights"].items():
        assert row["sha256"] == read_sidecar(name).sha256, (
            f"{name} has changed: python -m benchmarks.evidence.cam_choices"
        )
