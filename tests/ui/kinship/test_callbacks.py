"""The Kinship tab without a browser: what each callback hands to the page."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import cast

import gradio as gr
import numpy as np
import pytest

from explain import EXPLAINERS
from explain.core.measured import Measured
from models import load_model, open_photo, predict, read_sidecar
from ui.kinship import callbacks as do
from ui.kinship import page as kinship
from ui.kinship import regions
from ui.kinship.layout import Page
from ui.shared import answering, cards, evidence, offering, widgets
from ui.shared.answering import Answer
from ui.shared.evidence import Maps
from ui.shared.examples import EXAMPLES, first_example
from ui.shared.photos import Shot
from ui.shared.widgets import face_at, notice, pick_face, show_shot, take_photo

KIN, SAME = "dlib_kin", "dlib_resnet"


@pytest.fixture(scope="module")
def maps(obama: Shot, biden: Shot) -> Maps:
    return evidence.make_maps(obama, biden, KIN, "grad_cam", "stage3.features")


@pytest.fixture(scope="module")
def answer(obama: Shot, biden: Shot) -> Answer:
    return answering.answer(obama, biden, KIN)


def test_the_answer_is_the_models_own(obama: Shot, biden: Shot) -> None:
    given, card, details, rest, seen = do.answer_pair(obama, biden, KIN, 0.9)
    result = predict(load_model(KIN), obama.face(), biden.face())
    assert given is not None and given.score == result.score and given.similarity == result.similarity
    assert (given.score_ab, given.score_ba) == (result.score_ab, result.score_ba)
    assert f"data-score='{result.score!r}'" in card and f"{result.similarity:+.4f}" in details
    assert rest["visible"] is True
    assert seen is not None and not seen.inside.attention and seen.inside.shares is None  # a convolutional network


def test_the_card_holds_the_users_threshold_and_a_model_brings_its_own(obama: Shot, biden: Shot) -> None:
    assert "threshold of 90.0 %" in do.answer_pair(obama, biden, KIN, 0.9)[1]
    assert do.own_threshold(SAME) == read_sidecar(SAME).rule.threshold
    assert "value" not in do.own_threshold("damaged") and "value" not in do.own_threshold(None)


def test_wording_follows_the_task(obama: Shot, biden: Shot) -> None:
    assert "blood relatives" in do.answer_pair(obama, biden, KIN, 0.5)[1]
    card = do.answer_pair(obama, biden, SAME, 0.5)[1]
    assert "different people" in card and "blood relatives" not in card


@pytest.mark.usefixtures("no_model_runs")
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_a_threshold_shows_what_it_costs_and_runs_nothing(answer: Answer, threshold: float) -> None:
    far, tar = read_sidecar(KIN).rule.operating_points.at(threshold)
    verdict = answering.judge(answer, threshold)
    assert (verdict.far, verdict.tar) == (far, tar)
    assert verdict.above == (answer.score >= threshold)
    card, details = do.set_threshold(answer, threshold)
    assert verdict.decision in card and verdict.protocol in details


@pytest.mark.usefixtures("no_model_runs")
@pytest.mark.parametrize("prior", [0.01, 0.1, 0.5, 0.9])
def test_a_prior_changes_the_probability_and_not_the_decision(answer: Answer, prior: float) -> None:
    card, even = (do.set_threshold(answer, 0.4, p)[0] for p in (prior, 0.5))
    odds = answer.score / (1 - answer.score) * prior / (1 - prior)
    assert f"<div class='ks-big'>{cards.percent(odds / (1 + odds))}</div>" in card
    words = answering.judge(answer, 0.4).decision
    assert f"Decision: {words}" in card and f"Decision: {words}" in even
    assert ("if half of all pairs were kin" in card) == (prior == 0.5) and cards.percent(answer.score) in card


@pytest.mark.usefixtures("no_model_runs")
def test_opacity_runs_nothing(maps: Maps, obama: Shot, biden: Shot) -> None:
    thin, thick = (do.redraw(maps, obama, biden, opacity) for opacity in (0.1, 0.9))
    assert thin != thick and thin.count("<img") == thick.count("<img") == 6


def test_maps_lie_on_the_crops_the_model_saw(maps: Maps, obama: Shot) -> None:
    seen = obama.face().aligned(load_model(KIN).spec).pixels()[0]
    assert np.array_equal(maps.crops[0], seen)
    assert [h.face for h in maps.maps] == [0, 1]


@pytest.mark.parametrize("method", ["grad_cam", "eigen_cam", "occlusion"])
def test_explain_pair(obama: Shot, biden: Shot, answer: Answer, method: str) -> None:
    ((made, drawn, _),) = do.explain_pair(obama, biden, answer, method, "stage2.features", 0.5)
    view = drawn["value"]
    assert made is not None and made.method == method
    assert made.layer == ("stage2.features" if EXPLAINERS[method].layers else None)
    assert EXPLAINERS[method].title in view and "alt=''" not in view and 'alt=""' not in view


def test_pickers_offer_what_the_model_has() -> None:
    weight = "edgeface_kin"
    method, layer = do.offer_methods(weight, "attention")  # a convolutional network has no attention
    assert method["value"] == offering.default_method(weight)
    assert [label for _, label in method["choices"]] == [m for _, m in offering.method_choices(weight)]
    assert layer["visible"] == bool(offering.layer_choices(weight, method["value"]))
    own = do.offer_layers(KIN, "grad_cam")
    assert own["value"] == load_model(KIN).cam_tap and own["visible"]
    assert do.offer_layers(KIN, "occlusion")["visible"] is False


def test_a_method_stays_where_it_beats_a_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "grad_cam": Measured("grad_cam", 0.3, (0.2, 0.4), 40, 0.1),
        "fggb": Measured("fggb", 0.8, (0.7, 0.9), 40, 0.5),
        "occlusion": Measured("occlusion", 1.0, (0.9, 1.0), 40, 1.0),
    }
    for module in (do, offering):
        monkeypatch.setattr(module, "measured", lambda _: rows)
    monkeypatch.setattr(offering, "first_method", lambda _weight, _model: "occlusion")
    kept, sent_away = do.offer_methods(KIN, "fggb")[0], do.offer_methods(KIN, "grad_cam")[0]
    assert kept["value"] == "fggb" and sent_away["value"] == "occlusion"
    assert do.offer_methods(KIN, "layer_cam")[0]["value"] == "layer_cam"  # not measured: the reader's own choice
    titles = {m: t for t, m in kept["choices"]}
    assert titles["occlusion"].endswith(": beats random on 100 %")
    assert titles["grad_cam"].endswith("30 %, not for sure in most")
    assert titles["layer_cam"] == f"{EXPLAINERS['layer_cam'].title}: not measured on this model"
    assert kept["info"] == offering.MEASURED


def test_regions_and_curves(obama: Shot, biden: Shot, answer: Answer, maps: Maps) -> None:
    bars, table = regions.cover_regions(obama, biden, answer)
    assert [b.name for b in bars.data] == ["face A", "face B"] and table.count("<tr>") == 6
    verdict, curves = do.check_maps(obama, biden, answer, maps)
    assert "Face A" in verdict and "Face B" in verdict
    a, b, areas = do.draw_curves(curves)
    assert a.layout.yaxis.range == b.layout.yaxis.range  # one scale for what is compared
    shown = [y for plot in (a, b) for line in plot.data for y in line.y]
    assert a.layout.yaxis.range[0] < min(shown) and max(shown) < a.layout.yaxis.range[1]
    assert "face A" in areas and "face B" in areas


def test_report_says_what_the_page_says(
    obama: Shot, biden: Shot, answer: Answer, maps: Maps, monkeypatch: pytest.MonkeyPatch
) -> None:
    do.check_maps(obama, biden, answer, maps)
    for module in ("ui.shared.evidence", "explain.report.pair"):  # what the page has shown is not made again
        for name in ("explain", "faithfulness"):
            monkeypatch.setattr(f"{module}.{name}", None)
    path, note = do.make_report(obama, biden, answer, maps, "occlusion", None, 0.7, 0.4)
    assert path is not None and note == ""
    with zipfile.ZipFile(path) as archive:
        report, names = json.loads(archive.read("report.json")), set(archive.namelist())
    assert report["score"] == answer.score and report["threshold"] == 0.7
    assert report["weight_sha256"] == read_sidecar(KIN).sha256
    assert {"maps.npz", "crop_a.png", "grad_cam_a.png", "grad_cam_photo_b.png", "grad_cam_scale.png"} <= names


@pytest.mark.usefixtures("no_model_runs")
def test_maps_of_other_faces_or_of_another_model_are_not_this_answers(
    obama: Shot, biden: Shot, answer: Answer, maps: Maps
) -> None:
    other, second = replace(obama, path="/other.jpg"), replace(obama, marks=obama.marks * 2, chosen=1)
    for a, b in ((other, biden), (second, biden), (obama, other), (biden, obama)):
        assert do.check_maps(a, b, answer, maps) == ("", None)
        assert do.redraw(maps, a, b, 0.5) == gr.skip()
        none, view, button = do.stopped(a, b, answer, maps)
        assert none is None and do.STOPPED in view and button == do.NO_STOP
    assert do.check_maps(obama, biden, replace(answer, weight=SAME), maps) == ("", None)
    assert do.stopped(obama, biden, answer, maps) == [gr.skip(), gr.skip(), do.NO_STOP]
    assert do.of_answer(maps, replace(obama, shown="drawn anew"), biden, answer) is maps


def test_a_report_before_the_map_of_new_photos_has_their_own(
    obama: Shot, biden: Shot, answer: Answer, maps: Maps
) -> None:
    path, note = do.make_report(biden, obama, answer, maps, "grad_cam", "stage3.features", 0.5, 0.5)
    assert path is not None and note == ""
    with zipfile.ZipFile(path) as archive, archive.open("maps.npz") as file:
        kept = np.load(io.BytesIO(file.read()))
    own = evidence.make_maps(biden, obama, KIN, "grad_cam", "stage3.features")
    assert np.array_equal(kept["grad_cam_a"], own.maps[0].values)
    assert not np.array_equal(kept["grad_cam_a"], maps.maps[0].values)


def test_a_method_or_layer_that_a_model_lacks_gives_way() -> None:
    assert offering.offered(KIN, "grad_cam", "stage3.features") == ("grad_cam", "stage3.features")
    assert offering.offered(KIN, "grad_cam", "block9.features") == ("grad_cam", None)
    assert offering.offered(KIN, "attention", None) == offering.offered(KIN, None, None)
    assert offering.offered(KIN, None, None)[0] == offering.default_method(KIN)


def test_without_two_faces_nothing_is_claimed(obama: Shot) -> None:
    given, card, _, rest, seen = do.answer_pair(obama, None, KIN, 0.5)
    assert given is None and seen is None and do.WAITING in card and rest["visible"] is False
    ((no_maps, waiting, _),) = do.explain_pair(obama, None, None, "grad_cam", None, 0.5)
    assert no_maps is None and regions.cover_regions(obama, None, None)[0] is None
    assert do.check_maps(obama, None, None, None) == ("", None) and do.draw_curves(None)[:2] == (None, None)
    assert do.make_report(obama, None, None, None, "occlusion", None, 0.5, 0.5)[0] is None
    assert do.redraw(None, obama, None, 0.5) == waiting


def test_no_weight_and_a_lost_photo_are_said(obama: Shot, biden: Shot) -> None:
    assert do.UNTRAINED in do.answer_pair(obama, biden, None, 0.5)[1]
    gone = replace(biden, path="/nowhere/b.jpg")
    assert "no longer kept" in do.answer_pair(obama, gone, KIN, 0.5)[1]
    assert "no longer kept" in take_photo(("/nowhere/b.jpg", 0))[3]


def test_the_pages_own_drawing_is_not_a_new_photo(biden: Shot) -> None:
    shot, shown, *_ = show_shot(biden)
    assert shot is not None and notice(shown, shot) == gr.skip()
    assert notice(None, None) == gr.skip()
    assert notice(None, shot)[0] is None and notice("/tmp/new.jpg", shot)[0] == "/tmp/new.jpg"


def test_a_photo_that_is_told_of_twice_is_taken_once(biden: Shot) -> None:
    told = notice("/tmp/new.jpg", None)
    assert notice("/tmp/new.jpg", None, told) == notice("/tmp/new.jpg", biden, told) == gr.skip()
    assert notice("/tmp/newer.jpg", biden, told)[0] == "/tmp/newer.jpg"
    removed = notice(None, biden, told)
    assert notice(None, biden, removed) != removed  # another photo may have come from elsewhere in the meantime


def test_a_former_drawing_is_not_a_new_photo_either(six: Path) -> None:
    shot, former, *_ = take_photo((str(six), 0))
    picked = pick_face(shot, 4)[0]
    assert picked is not None and former != picked.shown
    assert notice(former, picked) == gr.skip()  # its event came late: the choice stays


def test_the_oldest_drawings_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widgets, "_DRAWN", {})
    monkeypatch.setattr(widgets, "KEPT_DRAWINGS", 2)
    drawn = [widgets.cached_picture(np.full((4, 4, 3), i, np.uint8)) for i in (0, 90, 180)]
    assert notice(drawn[1], None) == notice(drawn[2], None) == gr.skip() != notice(drawn[0], None)


def test_photo_widget(six: Path) -> None:
    shot, picture, picker, note = take_photo((str(six), 0))
    assert shot is not None and picture == shot.shown and open_photo(picture).shape == (750, 900, 3)
    assert picker["visible"] and [n for _, n in picker["choices"]] == [1, 2, 3, 4, 5, 6]
    assert "6 faces found" in note
    picked = pick_face(shot, 4)
    assert picked[0] is not None and picked[0].chosen == 3 and picked[0].shown != shot.shown and picked[2]["value"] == 4
    assert take_photo((None, 0))[:2] == (None, None)


def test_a_click_on_a_face_picks_it(six: Path) -> None:
    shot = take_photo((str(six), 0))[0]
    assert shot is not None
    for i, face in enumerate(shot.faces_in_view()):
        x, y = (face.box[:2] + face.box[2:]) / 2
        assert face_at(shot, gr.SelectData(None, {"index": [float(x), float(y)], "value": None})) == i + 1
    assert not isinstance(face_at(shot, gr.SelectData(None, {"index": [1, 1], "value": None})), int)


def test_first_view_gives_way_to_a_visitor_who_was_faster(obama: Shot) -> None:
    page, default = cast(Page, None), answering.default_weight()
    assert default != SAME
    assert kinship.first_view(page, SAME, None, None, None, None) == gr.skip()  # has chosen another model
    assert kinship.first_view(page, default, obama, None, None, None) == gr.skip()  # has brought a photo


def test_first_view_is_a_finished_example() -> None:
    done, values = first_example(), do.first_view()
    assert done is not None and values is not None
    assert first_example() is done  # computed once
    fresh = answering.answer(*EXAMPLES[0].shots(), done.answer.weight)
    assert done.answer == fresh
