"""The Attention tab's callbacks, on untrained arms in a folder of the tests' own."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

import app
from explain.attention.compare import ARMS, METHODS, default_map
from explain.attention.report import arrays
from explain.core.measured import Measured
from models import predict
from models.nets.edgeface import EdgeFace
from tests.ui.untrained import write_arms
from ui.attention import answers as arms
from ui.attention import api as attention_api
from ui.attention import callbacks as do
from ui.attention import cards as attention_cards
from ui.shared import answering
from ui.shared.photos import Shot

VIEW = (do.RAW, 0.5, 0, "edgeface_none", "edgeface_cbam")


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    def forget() -> None:
        answering.sidecar.cache_clear()
        answering.NETWORKS.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINSIGHT_WEIGHTS", str(write_arms(tmp_path_factory.mktemp("weights"))))
        forget()
        yield
    forget()


@pytest.fixture(scope="module")
def masked(obama: Shot):
    return do.compare(obama, None, "surgical", 1, "grad_cam", "stage3.features")


@pytest.fixture
def no_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if CBAM had no weight."""
    names = [n for n in answering.available_weights() if n != "edgeface_cbam"]
    monkeypatch.setattr(answering, "available_weights", lambda: names)


def test_the_card_has_the_cosines_that_predict_gives(masked, obama: Shot):
    compared, card, worn, rest = masked
    scene = arms.scene_of(obama, None, "surgical", 1)
    shown = [float(v) for v in re.findall(r"data-similarity='([^']+)'", card)]
    expected = [predict(model, scene.a, scene.b).similarity for model in arms.networks().values()]
    assert shown == pytest.approx(expected, abs=1e-6) and len(shown) == 3
    assert "of 3" in card and "photo 1 with a surgical mask and photo 1 bare" in card
    assert "make no. 2" in worn and rest["visible"] is True
    assert [arm.weight for arm in compared.arms] == list(ARMS)


def test_two_photos_add_two_columns(obama: Shot, biden: Shot):
    card = do.compare(obama, biden, "cloth", 0, "grad_cam", None)[1]
    assert len(re.findall("data-similarity", card)) == 9 and "photo 1 bare and photo 2" in card


def test_the_big_figures_are_probabilities_which_may_be_compared(masked):
    compared, card = masked[:2]
    big = re.findall(r"<td[^>]*><b>([^/]+)</b>", card)
    assert big == [attention_cards.percent(arm.answers[0].score) for arm in compared.arms]
    assert card.count("<small>cosine ") == 3 and "compare the probabilities" in card


def test_a_mirror_image_is_called_no_test_of_recognition(masked, obama: Shot, biden: Shot):
    assert "no test of recognition" in do.compare(obama, None, do.NOTHING, 0, "grad_cam", None)[1]
    assert "no test of recognition" not in masked[1]
    assert "no test of recognition" not in do.compare(obama, biden, do.NOTHING, 0, "grad_cam", None)[1]


def test_the_example_brings_a_second_photo_to_compare_with():
    first, second = (v for v in do.example() if isinstance(v, Shot))
    assert first.path != second.path
    scene = arms.scene_of(first, second, do.NOTHING, 0)
    assert scene.titles == ("photo 1", "photo 2")


@pytest.mark.usefixtures("no_model_runs")
def test_gates_have_their_own_range_on_request(masked):
    compared = masked[0]
    own = do.draw_gates(compared, 0, 0.5, do.OWN)[0]
    low, high = attention_cards.gate_span(compared, 0, own=True)
    assert f"colour scale from {low:.3g} to {high:.3g}" in own and "stretched" in own and 0 < low < high < 1
    assert attention_cards.gate_span(compared, 0, own=False) == (0, 1)
    full, stretched = (do.draw_gates(compared, 0, 0.5, scale)[1].layout.yaxis.range for scale in (do.FULL, do.OWN))
    assert tuple(full) == (0, 1) and stretched is None


def test_gates_that_weigh_nothing_are_named(masked):
    compared = masked[0]
    assert attention_cards.flat_gates(compared, 0) == ""
    se = compared.arms[1]
    first, *others = se.gates[0]
    dead = replace(se, gates=((replace(first, channel=np.full_like(first.channel, 0.5)), *others), se.gates[1]))
    told = attention_cards.flat_gates(replace(compared, arms=(compared.arms[0], dead, compared.arms[2])), 0)
    assert "weighed against another: SE, stage 1, block 0." in told


@pytest.mark.usefixtures("no_model_runs")
def test_the_layer_that_is_read_first_is_the_networks_own():
    assert EdgeFace.cam_tap == do.LAYER


def test_another_make_changes_the_crop(masked, obama: Shot):
    other = do.compare(obama, None, "surgical", do.another(1), "grad_cam", None)[0]
    assert (other.crops[0] != masked[0].crops[0]).any() and (other.crops[1] == masked[0].crops[1]).all()


@pytest.mark.usefixtures("no_model_runs")
def test_looking_runs_no_model(masked):
    compared = masked[0]
    raw, slider, apart, face, turn = do.draw(compared, *VIEW)
    (bars, table), (gates, violins) = do.draw_spread(compared, 0), do.draw_gates(compared, 0, 0.5)
    assert raw.count("<img") == 6 and raw.count("colour scale from 0 to") == 2  # six maps, a scale a face
    left, right = slider["value"]
    assert left.shape == right.shape == (360, 360, 3) and (left != right).any()
    assert slider["label"] == "Left: no gate. Right: CBAM"
    assert apart.count("<img") == 1 and "CBAM minus no gate" in apart
    assert gates.count("spatial gate of CBAM") == 8 and "colour scale from 0 to 1" in gates
    assert turn != do.draw(compared, *VIEW)[-1]
    assert face["choices"] == [("photo 1 with a surgical mask", 0), ("photo 1 bare", 1)]
    assert [t.name for t in bars.data] == ["no gate", "SE", "CBAM", "a flat map"]
    assert [t.name for t in violins.data] == ["SE", "CBAM"]
    assert table.count("a flat map") == 2
    assert do.draw_maps(compared, do.BY_MEAN, *VIEW[1:])[0] != raw
    other = do.draw_spread(compared, 1)
    assert list(other[0].data[0].y) == pytest.approx(100 * compared.arms[0].mass[1].share)


@pytest.mark.usefixtures("no_model_runs")
def test_the_same_arm_twice_differs_nowhere(masked):
    _, slider, apart = do.draw_maps(masked[0], do.RAW, 0.5, 0, "edgeface_se", "edgeface_se")
    assert (slider["value"][0] == slider["value"][1]).all() and "+0 to +0" in apart


@pytest.mark.usefixtures("no_model_runs")
def test_nothing_to_compare_is_said():
    assert do.compare(None, None, "surgical", 0, "grad_cam", None)[1:] == (
        do.cards.message(do.WAITING),
        "",
        gr.update(visible=False),
    )
    assert len(do.draw(None, *VIEW)) == 5
    assert do.draw_spread(None, 0) == (None, "") and do.draw_gates(None, 0, 0.5) == ("", None)
    assert do.make_report(None, None, None, 0.5)[0] is None and do.check_maps(None, None, None) == ("", "")


def test_a_photo_that_is_gone_and_a_bad_layer_become_messages(obama: Shot, masked):
    gone = Shot("/nowhere.jpg", obama.marks)
    for answered in (
        do.compare(gone, None, "surgical", 0, "grad_cam", None),
        do.compare(obama, None, "surgical", 0, "grad_cam", "stage9.features"),
    ):
        assert answered[0] is None and "ks-error" in answered[1] and answered[3]["visible"] is False
    assert "ks-error" in do.check_maps(gone, None, masked[0])[0]
    assert "ks-error" in do.make_report(gone, None, masked[0], 0.5)[1]


def test_layers_follow_the_networks():
    update = do.offer_layers("grad_cam", "stage2.features")
    assert (
        update["choices"] == [(f"stage{i}", f"stage{i}.features") for i in (1, 2, 3, 4)]
        and update["value"] == "stage2.features"
    )
    assert do.offer_layers("grad_cam", "nothing")["value"] == do.LAYER == "stage2.features"
    none = do.offer_layers("covering_gradients", "stage2.features")
    assert update["visible"] and (none["choices"], none["value"], none["visible"]) == ([], None, False)
    offered = do.method_choices()
    assert sorted(label for _, label in offered) == sorted(METHODS) and offered[0][1] == default_map()


def test_a_layer_of_a_former_method_is_let_go(obama: Shot) -> None:
    compared = do.compare(obama, None, "surgical", 0, "covering_gradients", do.LAYER)[0]
    assert compared is not None and (compared.method, compared.layer) == ("covering_gradients", None)


def test_the_best_measured_method_comes_first_with_its_figure(monkeypatch: pytest.MonkeyPatch):
    share = {"hires_cam": (0.8, 0.9, 0.7), "grad_cam": (0.9, 0.9, 0.2)}  # of the three arms: the worst counts
    figures = {
        arm: {m: Measured(m, s[i], (s[i] - 0.1, s[i] + 0.1), 30, 0.01) for m, s in share.items()}
        for i, arm in enumerate(ARMS)
    }
    monkeypatch.setattr("explain.attention.compare.measured", figures.get)
    first, second, *rest = do.method_choices()
    assert first == ("HiRes-CAM (signed): beats random on 70 %", "hires_cam")
    assert second == ("Grad-CAM: beats random on 20 %, not for sure in most", "grad_cam")
    assert all(": beats" not in title for title, _ in rest) and default_map() == "hires_cam"


def test_trust_and_report(obama: Shot, masked, monkeypatch: pytest.MonkeyPatch):
    compared = masked[0]
    verdict, table = do.check_maps(obama, None, compared)
    assert verdict.count("<li>") == 3 and "Can these maps be trusted?" in verdict and table.count("<tr>") == 4
    assert "Not tested yet" in do.untested(None)["value"] and do.untested(True) == gr.skip()
    monkeypatch.delattr(arms, "trust")  # the report says what the page has found
    path, note = do.make_report(obama, None, compared, 0.5)
    assert note == ""
    with zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read("comparison.json"))
        with archive.open("arrays.npz") as file:
            raw = np.load(file)
            assert set(raw) == set(arrays(compared))
            np.testing.assert_array_equal(raw["edgeface_se.map_a"], compared.arms[1].maps[0].values)
    assert values["seed"] == 1 and values["layer"] == "stage3.features"
    assert all(arm["weight_sha256"] for arm in values["arms"].values())


@pytest.mark.usefixtures("no_model_runs")
def test_a_comparison_of_other_photos_is_neither_tested_nor_reported(obama: Shot, biden: Shot, masked):
    for photos in ((biden, None), (obama, biden)):
        assert do.check_maps(*photos, masked[0]) == ("", "")
        path, note = do.make_report(*photos, masked[0], 0.5)
        assert path is None and do.NOTHING_YET in note


def test_a_test_is_held_for_the_faces_that_it_was_made_of(obama: Shot, biden: Shot, masked):
    scenes = [arms.scene_of(shot, None, "surgical", 1) for shot in (obama, biden)]
    own, others = (arms.curves(scene, masked[0]) for scene in scenes)
    assert own is not others and arms.curves(scenes[0], masked[0]) is own


def labels(page: gr.Blocks) -> list[str]:
    return [b.label for b in page.blocks.values() if isinstance(b, gr.Tab)]


def endpoints(page: gr.Blocks) -> set[str]:
    return {str(f.api_name) for f in page.fns.values()}


def test_with_all_three_weights_there_is_a_tab_and_an_endpoint():
    page = app.build()
    assert "Attention" in labels(page) and "compare_attention" in endpoints(page)


@pytest.mark.usefixtures("no_arm")
def test_without_one_of_them_there_is_neither():
    page = app.build()
    assert "Attention" not in labels(page) and "Models" in labels(page)
    assert "compare_attention" not in endpoints(page)
    with pytest.raises(Exception, match="edgeface_cbam is untrained"):
        arms.networks()


def test_the_endpoint_answers_in_numbers(obama: Shot, biden: Shot):
    values = attention_api.compare_attention(obama.path, biden.path, "hand", 2, "layer_cam", "stage3.features")
    assert values["faces"] == {"a": "photo 1 with a hand", "b": "photo 2"}
    assert len(values["arms"]["edgeface_se"]["answers"]) == 3
    json.dumps(values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("beard",), "no occluder"),
        (("hand", 0, "occlusion"), "no method"),
        (("hand", 0, "grad_cam", "stage9.features"), "no layer"),
    ],
)
def test_the_endpoint_refuses_in_words(obama: Shot, arguments: tuple, message: str):
    with pytest.raises(gr.Error, match=message):
        attention_api.compare_attention(obama.path, None, *arguments)


@pytest.mark.usefixtures("poor_faces")
def test_nothing_is_decided_by_a_poor_face(obama: Shot, biden: Shot):
    card = do.compare(obama, biden, "surgical", 0, "grad_cam", None)[1]
    assert "Decision withheld: tiny face, blurred face in photo 1, tiny face, blurred face in photo 2" in card
    assert "networks say" not in card and "photo 1 and photo 2: blurred" in card
