"""The page of parents and child without a browser: what each callback hands to the page."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from explain import explain
from explain.report.page import record
from models import load_model, predict
from models.tri import predict_tri
from models.weights import OperatingPoints, TriOperating
from tests.ui.photos import EXAMPLES
from ui.kinship import tri_answers as triplet
from ui.kinship import tri_callbacks as do
from ui.kinship import tri_cards
from ui.kinship.tri_answers import Family, TriMaps
from ui.shared import answering
from ui.shared.photos import Shot, take

KIN = "dlib_kin"
POINTS = OperatingPoints([0.2, 0.6, 0.9], [0.5, 0.25, 0.0], [0.9, 0.75, 0.25], "<made> for this test")
OPERATING = TriOperating(1.5, -0.25, 0.6, POINTS, "made for this test")


@pytest.fixture(scope="module")
def family(obama: Shot, biden: Shot) -> Family:
    return Family(biden, take(str(EXAMPLES / "hopper_1984.jpg")), obama)


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    row = answering.sidecar(KIN).with_rule(tri=OPERATING)
    monkeypatch.setattr(answering, "sidecar", lambda _: row)


@pytest.fixture
def uncalibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    row = answering.sidecar(KIN).with_rule(tri=None)
    monkeypatch.setattr(answering, "sidecar", lambda _: row)


@pytest.fixture(scope="module")
def maps(family: Family) -> TriMaps:
    return triplet.make_maps(family, KIN, "grad_cam", "stage3.features")


def photos(family: Family) -> tuple[Shot, Shot, Shot]:
    return family.father, family.mother, family.child


@pytest.mark.usefixtures("calibrated")
def test_the_answer_is_the_models_own_and_adds_up(family: Family) -> None:
    given, card, shares, rest = do.answer_family(*photos(family), KIN, 0.6)
    result = predict_tri(load_model(KIN), *(s.face() for s in photos(family)), OPERATING)
    assert given is not None and given.score == result.score and given.calibrated
    assert (given.father.pair.score, given.mother.pair.score) == (result.father.score, result.mother.score)
    together = given.father.added + given.mother.added + given.offset
    assert together == pytest.approx(given.log_odds, abs=1e-5)
    assert 1 / (1 + np.exp(-together)) == pytest.approx(given.score, abs=1e-5)
    assert f"data-score='{result.score!r}'" in card and "&lt;made&gt;" in card and "FAR 25.0 %" in card
    for value in (given.father.added, given.mother.added, given.offset, given.log_odds):
        assert f"{value:+.3f}" in shares
    assert rest["visible"] is True and do.own_threshold(KIN) == 0.6


@pytest.mark.usefixtures("uncalibrated")
def test_without_a_calibration_nothing_is_claimed(family: Family) -> None:
    given, card, shares, _ = do.answer_family(*photos(family), KIN, 0.5)
    assert given is not None and not given.calibrated and given.offset == 0
    mean = (given.father.log_odds + given.mother.log_odds) / 2
    assert given.log_odds == pytest.approx(mean, abs=1e-6)
    assert "Not calibrated for triplets" in card and "FAR" not in card and "probability that" not in card
    assert "offset" not in shares
    assert do.own_threshold(KIN) == answering.sidecar(KIN).rule.threshold


@pytest.mark.usefixtures("calibrated")
def test_a_threshold_only_redraws(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    given = triplet.answer(family, KIN)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network ran")

    monkeypatch.setattr("torch.nn.Module.__call__", refuse)
    for threshold in (0.0, 0.5, 0.85, 1.0):
        verdict = triplet.judge(given, threshold)
        assert (verdict.far, verdict.tar) == POINTS.at(threshold)
        assert verdict.decision == ("their child" if given.score >= threshold else "not their child")
        assert f"Decision: {verdict.decision}" in do.set_threshold(given, threshold)


@pytest.mark.parametrize(
    ("father", "mother", "words"),
    [
        (2.0, -1.0, "father's pair speaks for it, the mother's against"),
        (-2.0, 1.0, "mother's pair speaks for it, the father's against"),
        (2.0, 1.9, "Both pairs speak for it, about equally"),
        (2.0, 0.5, "Both pairs speak for it, the father's more"),
        (-0.5, -2.0, "Both pairs speak against it, the mother's more"),
    ],
)
def test_who_carries_the_answer(family: Family, father: float, mother: float, words: str) -> None:
    given = triplet.answer(family, KIN)
    one, two = (replace(s, log_odds=v, added=v / 2) for s, v in ((given.father, father), (given.mother, mother)))
    assert words in tri_cards.shares(replace(given, father=one, mother=two))


def test_each_pair_is_explained_by_its_own_answer(family: Family, maps: TriMaps) -> None:
    model = load_model(KIN)
    for parent, pair in ((family.father, maps.father), (family.mother, maps.mother)):
        result = predict(model, parent.face(), family.child.face(), grad=True)
        wanted = explain(result, "grad_cam", layer="stage3.features")
        for got, want in zip((pair.parent, pair.child), wanted, strict=True):
            assert np.allclose(got.values, want.values, atol=1e-6)
        assert np.array_equal(pair.child_crop, family.child.face().aligned(model.spec).pixels()[0])
    assert not np.allclose(maps.father.child.values, maps.mother.child.values)


@pytest.mark.usefixtures("no_model_runs")
def test_opacity_only_redraws_all_on_one_scale(family: Family, maps: TriMaps) -> None:
    thin, thick = (do.redraw(*photos(family), maps, opacity) for opacity in (0.1, 0.9))
    assert thin != thick and thin.count("<img") == thick.count("<img") == 8
    limit = max(float(h.values.max()) for h in maps.heatmaps)
    assert thick.count("colour scale") == 2 and f"to {limit:.3g}" in thick and 'alt=""' not in thick


def test_explain_family_and_its_faithfulness(family: Family) -> None:
    given = triplet.answer(family, KIN)
    made, view = do.explain_family(*photos(family), given, "eigen_cam", "stage2.features", 0.5)
    assert made is not None and made.layer == "stage2.features" and "Eigen-CAM" in view
    table = do.check_maps(*photos(family), given, made)
    assert all(f"<th scope='row'>{row}</th>" in table for row in tri_cards.ROWS)
    assert do.explain_family(*photos(family), given, "attention", None, 0.5)[0] is None  # it has none


@pytest.mark.parametrize(
    ("good", "said"),
    [
        ((True,) * 4, ["All four"]),
        ((True, False, True, True), ["Father, mother, child beside the mother", "Child beside the father"]),
    ],
)
def test_maps_of_which_the_same_is_said_share_a_line(good: tuple[bool, ...], said: list[str]) -> None:
    areas = [(0.2, 0.5, 0.8, 0.5) if g else (0.5, 0.5, 0.5, 0.5) for g in good]
    names = ("deletion_auc", "random_deletion_auc", "insertion_auc", "random_insertion_auc")
    table = tri_cards.curve_table([SimpleNamespace(**dict(zip(names, row, strict=True))) for row in areas])  # type: ignore[misc]
    assert [part.split(":</b>")[0] for part in table.split("<li><b>")[1:]] == said


@pytest.mark.usefixtures("three_parts")
def test_report_says_what_the_page_says(family: Family, maps: TriMaps) -> None:
    given = triplet.answer(family, KIN)
    path, note = do.make_report(*photos(family), given, maps, "occlusion", None, 0.7, 0.4)
    assert path is not None and note == ""
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        said, page = json.loads(archive.read("triplet.json")), archive.read("report.html").decode()
        pairs = [json.loads(archive.read(f"{p}_child/report.json")) for p in triplet.PARENTS]
    assert said["score"] == given.score and said["threshold"] == 0.7 and said["decision"] == "not their child"
    assert [p["score"] for p in pairs] == [given.father.pair.score, given.mother.pair.score]
    for parent in triplet.PARENTS:
        assert f'href="{parent}_child/report.html"' in page and f"{said[parent]['added']:+.3f}" in page
    assert record(KIN, "grad_cam") in page
    assert f"{given.score:.3f}" in page and page.count("data:image/png;base64,") == 6
    assert "father_child/report.html" in names
    assert {"father_child/grad_cam_a.png", "mother_child/grad_cam_b.png", "mother_child/maps.npz"} <= names


@pytest.mark.usefixtures("three_parts")
def test_maps_of_another_family_are_not_this_answers(family: Family, maps: TriMaps) -> None:
    given = triplet.answer(family, KIN)
    other = Family(family.mother, family.father, family.child)
    assert do.check_maps(*photos(other), given, maps) == "" and do.redraw(*photos(other), maps, 0.5) == gr.skip()
    assert do.check_maps(*photos(family), replace(given, weight="facor"), maps) == ""
    path, note = do.make_report(*photos(other), given, maps, "grad_cam", "stage3.features", 0.5, 0.5)
    assert path is not None and note == ""
    with zipfile.ZipFile(path) as archive, archive.open("mother_child/maps.npz") as file:
        kept = np.load(io.BytesIO(file.read()))
    assert np.allclose(kept["grad_cam_a"], maps.father.parent.values, atol=1e-6)  # the father stands as the mother here


def test_without_three_faces_nothing_is_claimed(family: Family) -> None:
    father, mother, _ = photos(family)
    given, card, shares, rest = do.answer_family(father, mother, None, KIN, 0.5)
    assert given is None and do.WAITING in card and shares == "" and rest["visible"] is False
    assert do.explain_family(father, mother, None, None, "grad_cam", None, 0.5)[0] is None
    assert do.check_maps(father, mother, None, None, None) == ""
    assert do.make_report(father, None, None, None, None, "occlusion", None, 0.5, 0.5)[0] is None
    assert "untrained" in do.answer_family(*photos(family), "unheard_of", 0.5)[1]
    assert do.UNTRAINED in do.answer_family(*photos(family), None, 0.5)[1]
    with pytest.raises(gr.Error, match="Both photos"):
        do.open_pair(father, None, KIN)


def test_a_pair_opens_as_two_faces(family: Family) -> None:
    shots = [v for v in do.open_pair(family.mother, family.child, KIN) if isinstance(v, Shot)]
    assert [s.path for s in shots] == [family.mother.path, family.child.path]


def test_only_kinship_weights_answer() -> None:
    names = triplet.weights()
    assert names and all(answering.sidecar(n).task == "kinship" for n in names)
    assert triplet.default_weight() in names


def test_the_example_is_three_photos() -> None:
    values = do.load_example()
    shots = [v for v in values if isinstance(v, Shot)]
    assert len(values) == 12 and len(shots) == 3


@pytest.mark.usefixtures("poor_faces")
def test_nothing_is_decided_by_a_poor_face(family: Family) -> None:
    given, card, *_ = do.answer_family(*photos(family), KIN, 0.5)
    for shown in (card, do.set_threshold(given, 0.1, *photos(family))):
        assert "in the father&#x27;s photo" in shown and "Decision withheld" in shown and "Decision: " not in shown
