"""The callbacks of the tab Partial face, on untrained networks in a folder of the tests' own."""

from __future__ import annotations

import json
import re
import zipfile
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

import app
from explain.partial.edit import Canvas, Edit
from explain.partial.find import APART, ATTENTION, NETWORKS, POOLED
from explain.partial.report import arrays
from models import predict
from models.faces.partial_crops import SIDE, crop_part
from ui.partial import answers as parting
from ui.partial import api as partial_api
from ui.partial import callbacks as do
from ui.shared import answering
from ui.shared.photos import Shot

PART = Edit("left eye", 0.3)
pytestmark = pytest.mark.usefixtures("weights")


@pytest.fixture
def no_average(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the baseline had no weight."""
    names = [n for n in answering.available_weights() if "average" not in n]
    monkeypatch.setattr(answering, "available_weights", lambda: names)


def shown_scores(card: str) -> list[float]:
    return [float(v) for v in re.findall(r"<td data-score='([^']+)'", card)]


def test_the_card_has_what_predict_says(ran, obama: Shot, biden: Shot):
    look, held, card, seen, rest = ran
    networks = parting.networks()
    canvas = Canvas.of(biden.face(), {net.spec for net in networks.values()})
    edited = canvas.edited(PART)
    expected = []
    for model in networks.values():
        expected += [predict(model, obama.face(), b).score for b in (biden.face(), canvas.fed(edited, model.spec))]
    assert shown_scores(card) == pytest.approx(expected, abs=1e-6) and len(expected) == 6
    assert f"data-visible='{edited.visible!r}'" in card and "a window around the left eye, size 0.3" in card
    assert seen.count("<img") == 3 and rest["visible"] is True
    np.testing.assert_array_equal(look.edited.image, crop_part(canvas.crop, "left eye", 0.3))
    assert held.whole is look.whole and not held.order


@pytest.mark.usefixtures("no_model_runs")
def test_looking_runs_no_model(ran):
    look = ran[0]
    parts, large = do.draw(look, 3, APART, 0.6)
    assert parts.count("data-part='3'") == 2 and parts.count("aria-pressed='true'") == 2
    now = look.now.parts[1].weights
    told = [float(v) for v in re.findall(r"aria-label='[^']*importance ([\d.]+) % now", parts)]
    assert told == pytest.approx((100 * now).tolist(), abs=0.006) and len(told) == 12
    was = [float(v) for v in re.findall(r"aria-label='[^']*now, ([\d.]+) % for the whole", parts)]
    assert was == pytest.approx((100 * look.whole.parts[1].weights).tolist(), abs=0.006)
    assert large.count("<img") == 2 and "data-shown='3'" in large and "colour scale from -" in large
    assert "colour scale from 0 to" in do.draw(look, 3, POOLED, 0.6)[1]
    number, other = do.pick(look, APART, 0.6, SimpleNamespace(part=7))
    assert number == 7 and "data-shown='7'" in other
    assert do.draw(look, 99, APART, 0.6)[1].count("Part 12") >= 1
    for nonsense in (SimpleNamespace(part=12), SimpleNamespace(part="x"), SimpleNamespace()):
        assert do.pick(look, APART, 0.6, nonsense) == [gr.skip(), gr.skip()]


def test_a_preset_opens_in_the_editor(biden: Shot):
    edit, value, around = do.begin(biden, "left eye", 0.2, True, "nose")
    assert (edit.part, edit.factor, edit.centred, edit.erased, around) == ("left eye", 0.2, True, None, "left eye")
    assert value["background"].shape == (480, 480, 3) and value["layers"] == []
    assert (value["background"][-30:] == 128).all() and (value["background"][190, 155] != 128).any()  # not centred
    assert do.begin(biden, "mask", 0.3, False, "mouth")[2] == "mouth"
    assert do.begin(None, "nose", 0.3, False, "nose")[1] is None
    assert do.fresh(biden, 0.3, False, "nose")[:1] == ["whole"]


def drawn_value(shot: Shot, edit: Edit) -> dict:
    """The editor as it stands before anything is drawn."""
    picture = parting.backdrop(shot, edit)
    background = np.concatenate([picture, np.full((480, 480, 1), 255, np.uint8)], 2)
    return {"background": background, "layers": [np.zeros((480, 480, 4), np.uint8)], "composite": background}


def test_strokes_hide_and_undo_takes_them_back(obama: Shot, biden: Shot, ran):
    whole, value = Edit(), drawn_value(biden, Edit())
    assert do.drawn(biden, whole, None, value) == gr.skip()  # nothing drawn
    value["layers"][0][:120, :, 3] = 255
    value["layers"][0][120:150, :, 3] = 100  # a stroke that is mostly transparent hides nothing
    edit = do.drawn(biden, whole, None, value)
    assert edit.erased[:40].all() and not edit.erased[40:].any()
    look = do.run(obama, biden, edit, ran[1])[0]
    assert look.visible == pytest.approx(0.75) and (look.edited.image[:40] == 128).all()
    assert do.drawn(biden, edit, ran[1], value) == gr.skip()  # the same again
    back = do.drawn(biden, edit, ran[1], drawn_value(biden, edit))
    assert back.erased is None
    same = do.run(obama, biden, back, ran[1])[0]
    assert same.now is ran[1].whole
    assert do.run(obama, biden, back, ran[1], same) == [gr.skip()] * 5  # of this very edit already


@pytest.mark.parametrize("window", [(126, 94, 354, 385), (0, 0, 480, 60), (300, 201, 21, 24), (33, 44, 400, 20)])
def test_a_crop_hides_all_around(biden: Shot, window: tuple[int, int, int, int]):
    left, top, width, height = window
    value = drawn_value(biden, Edit())
    rows, columns = slice(top, top + height), slice(left, left + width)
    cropped = {k: value[k][rows, columns].copy() for k in ("background", "composite")}
    stroke = np.zeros((height, width, 4), np.uint8)
    stroke[: height // 2, :, 3] = 255
    edit = do.drawn(biden, Edit(), None, {**cropped, "layers": [stroke]})
    expected = np.ones((480, 480), bool)
    expected[top + height // 2 : top + height, columns] = False
    small = expected.reshape(SIDE, 3, SIDE, 3).mean((1, 3)) >= 0.5
    np.testing.assert_array_equal(edit.erased, small)


def test_a_crop_by_fractions_of_a_pixel_is_found(biden: Shot):
    """The browser resamples: half a pixel off, the place is still right to the pixel."""
    value = drawn_value(biden, Edit())
    background = value["background"].astype(np.float32)
    shifted = ((background[:-1, :-1] + background[1:, 1:]) / 2).astype(np.uint8)[94:400, 126:430]
    edit = do.drawn(biden, Edit(), None, {"background": shifted, "layers": [], "composite": shifted})
    rows, columns = np.nonzero(~edit.erased)
    assert abs(columns.min() - 42) <= 1 and abs(rows.min() - 31) <= 1
    assert abs(np.ptp(columns) + 1 - 304 / 3) <= 2 and abs(np.ptp(rows) + 1 - 306 / 3) <= 2


def test_everything_erased_is_said_and_a_sliver_is_warned_about(obama: Shot, biden: Shot, ran):
    value = drawn_value(biden, Edit())
    value["layers"][0][..., 3] = 255
    edit = do.drawn(biden, Edit(), None, value)
    look, held, card, _, rest = do.run(obama, biden, edit, ran[1])
    assert look is None and held is ran[1] and rest["visible"] is False
    assert "Nothing of the face is left" in card and "nan" not in card
    value["layers"][0][240:252, 240:270, 3] = 0
    sliver = do.run(obama, biden, do.drawn(biden, Edit(), None, value), ran[1])
    assert 0 < sliver[0].visible < 0.02 and "means little" in sliver[2] and "nan" not in sliver[2].lower()


def test_a_cleared_editor_changes_nothing_by_itself(biden: Shot):
    assert do.drawn(biden, Edit(), None, None) == gr.skip()
    empty = {"background": None, "layers": [], "composite": None}
    assert do.drawn(biden, Edit(), None, empty) == gr.skip()
    assert do.drawn(None, Edit(), None, empty) == gr.skip()


def test_centring_keeps_what_was_drawn():
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:50] = True
    edit = do.centre(Edit("nose", 0.4, False, mask), True)
    assert edit.centred and edit.erased is mask and edit.factor == 0.4


def test_the_curve_and_the_order_are_made_once_a_pair(obama: Shot, biden: Shot, ran, request):
    look, held = ran[:2]
    held, figure = do.curves(look, held, "mouth")
    assert held.curve.part == "mouth" and len(figure.data) == 2 * len(NETWORKS)
    diamond = figure.data[1]
    assert diamond.x[0] == pytest.approx(100 * look.visible)
    assert diamond.y[0] == pytest.approx(look.now.said[ATTENTION].score)
    held, html = do.orders(look, held)
    assert set(held.order) == set(NETWORKS) and html.count("<h3>") == 3
    steps = sum(len(found.steps) for found in held.order.values())
    assert html.count("<li") == html.count("<img") == steps
    request.getfixturevalue("no_model_runs")
    again, figure = do.curves(look, held, "mouth")
    assert again is held and figure is not None
    assert do.orders(look, held) == [gr.skip(), gr.skip()]


def test_another_pair_is_asked_afresh(obama: Shot, biden: Shot, ran):
    look, held = do.run(biden, obama, PART, ran[1])[:2]
    assert held is not ran[1] and look.whole is held.whole
    before, after = (x.whole.parts[1].weights for x in (ran[0], look))
    assert np.abs(before - after).max() > 1e-5  # of another face b


def test_without_photos_or_with_a_photo_gone_there_are_words(obama: Shot, biden: Shot):
    look, held, card, _, rest = do.run(obama, None, PART, None)
    assert look is None and held is None and do.WAITING in card and rest["visible"] is False
    gone = Shot("/nowhere.jpg", obama.marks)
    assert "ks-error" in do.run(obama, gone, PART, None)[2]
    assert do.draw(None, 0, APART, 0.5) == [gr.skip(), gr.skip()]
    assert do.curves(None, None, "nose") == [gr.skip(), gr.skip()]
    assert do.make_report(obama, biden, PART, None, None, APART, 0.5)[0] is None


def test_the_report_has_the_raw_tensors(obama: Shot, biden: Shot, ran):
    look, held = ran[:2]
    assert held.curve is None and not held.order  # neither was looked at
    path, note = do.make_report(obama, biden, PART, look, held, POOLED, 0.6)
    assert note == ""
    with zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read("partial.json"))
        with archive.open("arrays.npz") as file:
            raw = np.load(file)
            assert set(raw) == set(arrays(look))
            np.testing.assert_array_equal(raw["maps_b_now"], look.now.parts[1].maps)
        names = archive.namelist()
    assert {"partial_b.png", "part_01.png", "part_12.png", "whole_12.png", "part_scale.png"} <= set(names)
    assert values["visible"] == look.visible and values["edit"]["factor"] == 0.3
    assert values["networks"][ATTENTION]["now"]["score"] == look.now.said[ATTENTION].score
    assert values["visible_area_curve"]["part"] == do.AROUND and set(values["parts_that_can_go"]) == set(NETWORKS)
    assert all(network["weight_sha256"] for network in values["networks"].values())


# Placing by hand


def labels(page: gr.Blocks) -> list[str]:
    return [b.label for b in page.blocks.values() if isinstance(b, gr.Tab)]


def endpoints(page: gr.Blocks) -> set[str]:
    return {str(f.api_name) for f in page.fns.values()}


def test_with_both_weights_there_is_a_tab_and_an_endpoint():
    page = app.build()
    assert "Partial face" in labels(page) and "partial_face" in endpoints(page)


@pytest.mark.usefixtures("no_average")
def test_without_one_of_them_there_is_neither():
    page = app.build()
    assert "Partial face" not in labels(page) and "partial_face" not in endpoints(page)


def test_the_endpoint_answers_in_numbers(obama: Shot, biden: Shot, ran):
    values = partial_api.partial_face(obama.path, biden.path, "left eye", 0.3, order=True)
    assert values["networks"][ATTENTION]["now"]["score"] == pytest.approx(ran[0].now.said[ATTENTION].score, abs=1e-6)
    assert len(values["importances"]["face_b_now"]) == 12 and set(values["parts_that_can_go"]) == set(NETWORKS)
    json.dumps(values)


@pytest.mark.parametrize(
    ("arguments", "message"), [(("chin",), "no part 'chin'"), (("nose", 0), "factor is a number from 0.05 to 1")]
)
def test_the_endpoint_refuses_in_words(obama: Shot, biden: Shot, arguments: tuple, message: str):
    with pytest.raises(gr.Error, match=message):
        partial_api.partial_face(obama.path, biden.path, *arguments)


def test_the_example_leaves_an_eye_of_photo_2():
    values = do.example()
    assert len(values) == 11 and values[-2:] == [do.EXAMPLE_PART, do.FACTOR] and isinstance(values[0], Shot)
    assert Edit(do.EXAMPLE_PART, do.FACTOR).box.visible() < 0.2  # a window around an eye, not half a face


@pytest.mark.parametrize(
    ("part", "has"), [("left eye", True), ("whole", False), ("upper half", False), ("mask", False)]
)
def test_the_size_can_be_moved_where_a_preset_has_one(part: str, has: bool):
    assert do.sized(part)["interactive"] is has
    assert (Edit(part, 0.1).box != Edit(part, 0.5).box) is has


@pytest.mark.usefixtures("poor_faces")
def test_nothing_is_decided_by_a_poor_face(obama: Shot, biden: Shot):
    card = do.run(obama, biden, PART, None)[2]
    assert "Decision withheld: tiny face, blurred face in photo 1" in card and "Decision: " not in card


@pytest.mark.parametrize(("correlation", "word"), [(0.6, "falls"), (-0.3, "rises"), (0.05, "hardly moves")])
def test_the_words_follow_the_measured_sign(correlation: float, word: str):
    assert parting.moves(correlation) == word
