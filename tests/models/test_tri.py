"""Triplets: both pairs are answered as pairs are, and their mean is calibrated on its own."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from models import detect_faces, load_model, open_photo, predict, read_sidecar
from models.faces.face import Face
from models.pair import PairModel
from models.tri import TriOperating, predict_tri, tri_log_odds
from models.weights import OperatingPoints, Sidecar

POINTS = OperatingPoints([0.2, 0.5], [0.3, 0.1], [0.9, 0.7], "words")
OPERATING = TriOperating(1.5, -0.25, 0.48, POINTS, "words")


@pytest.fixture(scope="module")
def model() -> PairModel:
    return load_model("dlib_kin", "cpu")


@pytest.fixture(scope="module")
def faces(photos: Path) -> list[Face]:
    return [detect_faces(open_photo(photos / f"{name}.jpg"))[0] for name in ("obama", "biden", "obama2")]


def test_the_mean_runs_over_pairs_and_orders():
    father, mother = torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.tensor([[-2.0, 6.0], [4.0, 0.0]])
    assert tri_log_odds(father, mother).tolist() == [2.0, 1.0]


def test_both_pairs_are_those_of_predict(model: PairModel, faces: list[Face]):
    father, mother, child = faces
    result = predict_tri(model, *faces, OPERATING)
    for pair, parent in ((result.father, father), (result.mother, mother)):
        alone = predict(model, parent, child)
        assert torch.equal(pair.output.logit, alone.output.logit) and pair.evidence.keys() == alone.evidence.keys()
        assert all(torch.equal(pair.evidence[k], alone.evidence[k]) for k in alone.evidence)


def test_the_score_is_the_calibrated_mean(model: PairModel, faces: list[Face]):
    result = predict_tri(model, *faces, OPERATING)
    mean = float(torch.cat([result.father.pair.logit, result.mother.pair.logit], 1).mean())
    assert result.log_odds == pytest.approx(mean, abs=1e-6)
    assert result.score == pytest.approx(1 / (1 + math.exp(-(1.5 * mean - 0.25))), abs=1e-6) and result.calibrated
    plain = predict_tri(model, *faces, None)
    assert plain.score == pytest.approx(1 / (1 + math.exp(-mean)), abs=1e-6) and not plain.calibrated


def test_the_child_is_not_a_parent(model: PairModel, faces: list[Face]):
    father, mother, child = faces
    score = predict_tri(model, father, mother, child, None).score
    assert predict_tri(model, mother, father, child, None).score == pytest.approx(score, abs=1e-6)
    assert predict_tri(model, father, child, mother, None).score != pytest.approx(score, abs=1e-3)


def test_gradients_reach_both_pairs(model: PairModel, faces: list[Face]):
    result = predict_tri(model, *faces, None, grad=True)
    total = tri_log_odds(result.father.pair.logit, result.mother.pair.logit).sum()
    for pair in (result.father, result.mother):
        for image in (pair.faces[0].image, pair.faces[1].image):
            assert torch.autograd.grad(total, image, retain_graph=True)[0].abs().sum() > 0
    assert result.score == predict_tri(model, *faces, None).score


def test_a_batch_of_two_is_refused(model: PairModel, faces: list[Face]):
    two = faces[0].aligned(model.spec).repeat(2)
    with pytest.raises(ValueError, match="one answer"):
        predict_tri(model, two, faces[1], faces[2], None)


def test_a_sidecar_keeps_it():
    sidecar = read_sidecar("dlib_kin").with_rule(tri=OPERATING)
    assert Sidecar.from_json(sidecar.to_json()) == sidecar


def test_sidecars_from_before_still_load():
    sidecar = read_sidecar("dlib_kin")
    values = json.loads(sidecar.to_json())
    values |= values.pop("decision")
    assert Sidecar.from_json(json.dumps(values)) == sidecar
    del values["tri"]
    assert Sidecar.from_json(json.dumps(values)) == sidecar.with_rule(tri=None)
