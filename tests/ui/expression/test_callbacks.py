"""The callbacks of the tab Expression, on an untrained network in a folder of the tests' own."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

import app
from explain import explain, faithfulness, part_values
from explain.core.measured import Measured
from explain.expression.cover import covered
from models import predict
from models.expressions import EXPRESSIONS
from tests.ui.expression.untrained import write_expression_weight
from ui.expression import answers as telling
from ui.expression import api as expression_api
from ui.expression import callbacks as do
from ui.shared import answering, offering
from ui.shared.addresses import Address, Asked
from ui.shared.evidence import FOUND
from ui.shared.photos import Shot, take

WEIGHT = "expression"


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    def forget() -> None:
        answering.sidecar.cache_clear()
        telling.NETWORKS.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINSIGHT_WEIGHTS", str(write_expression_weight(tmp_path_factory.mktemp("weights"))))
        forget()
        yield
    forget()


@pytest.fixture(scope="module")
def ran(obama: Shot) -> list[Any]:
    return do.run(obama, WEIGHT, [])


@pytest.fixture(scope="module")
def mapped(obama: Shot, ran: list[Any]) -> list[Any]:
    return do.explain(obama, ran[0], "hires_cam", None, "happiness", "fear", 0.5)


def numbers(html: str, name: str) -> list[float]:
    """Values of a data attribute, in order."""
    return [float(v) for v in re.findall(rf"<tr [^>]*{name}='([^']+)'", html)]


def test_the_bars_are_what_predict_says(ran: list[Any], obama: Shot) -> None:
    looked, card, faces, rest, aside = ran
    direct = predict(telling.network(WEIGHT), obama.face())
    shown = numbers(card, "data-share")
    assert shown == pytest.approx(list(direct.probabilities.values()), abs=1e-5) and sum(shown) == pytest.approx(1)
    assert f"data-leading='{direct.output.leading}'" in card and f"Most likely {direct.output.leading}." in card
    assert faces == "" and rest["visible"] is True and aside["visible"] is True
    assert "derived, not learned" in card and looked.covered is None


@pytest.mark.parametrize("covers", [["mouth"], ["eyes", "mask"]])
def test_covered_bars_are_what_predict_says_of_the_covered_pixels(
    ran: list[Any], obama: Shot, covers: list[str]
) -> None:
    looked, card = do.cover(obama, ran[0], covers)
    model = telling.network(WEIGHT)
    direct = predict(model, covered(obama.face(), model.spec, covers))
    assert numbers(card, "data-now") == pytest.approx(list(direct.probabilities.values()), abs=1e-5)
    assert numbers(card, "data-share") == pytest.approx(list(ran[0].said.shares), abs=1e-5)
    assert numbers(card, "data-now") != pytest.approx(numbers(card, "data-share"), abs=1e-3)
    assert card.count("<img") == 2 and do.run(obama, WEIGHT, covers)[0].covered[0] == looked.covered[0]


@pytest.mark.usefixtures("no_model_runs")
def test_uncovering_and_opacity_run_no_model(ran: list[Any], obama: Shot, mapped: list[Any]) -> None:
    looked, card = do.cover(obama, ran[0], [])
    assert looked.covered is None and "data-now" not in card
    assert do.draw(obama, mapped[0], 0.9) != mapped[1] and do.draw(obama, mapped[0], 0.5) == mapped[1]


def test_every_face_of_a_photo_is_answered(six: Path) -> None:
    shot = take(str(six)).pick(2)
    looked, card, faces, *_ = do.run(shot, WEIGHT, [])
    found = re.findall(r"data-face='(\d)' data-leading='(\w+)' data-share='([^']+)' aria-pressed='(\w+)'", faces)
    assert [f[0] for f in found] == list("012345") and [f[3] for f in found].index("true") == 2
    for number, name, share, _ in found:
        direct = predict(telling.network(WEIGHT), shot.pick(int(number)).face())
        assert float(share) == pytest.approx(direct.score, abs=1e-4) and direct.output.leading == name
    assert f"data-share='{looked.every[2].ranked[0][1]!r}'" in card
    assert do.pressed(looked, SimpleNamespace(face=4)) == 5  # type: ignore[arg-type]
    for wrong in (6, -1, "1", None):
        assert do.pressed(looked, SimpleNamespace(face=wrong)) == gr.skip()  # type: ignore[arg-type]


def test_a_crowd_is_answered_up_to_a_number_and_the_chosen_face(six: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST_FACES", 2)
    looked = do.run(take(str(six)).pick(5), WEIGHT, ["nose"])[0]
    assert looked.numbers == (0, 1, 5) and looked.chosen == 2 and looked.said == looked.every[2]
    alone = do.cover(take(str(six)).pick(5), looked, ["nose"])[0].covered[0]
    assert alone.shares == pytest.approx(looked.covered[0].shares, abs=1e-4)  # there others were asked with it


def test_a_face_is_asked_once_for_answer_map_and_words(obama: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    monkeypatch.setattr(telling, "predict", lambda *given, **how: (passes.append(1), predict(*given, **how))[1])
    FOUND.clear()
    looked = do.run(obama, WEIGHT, [])[0]
    do.explain(obama, looked, "occlusion", None, do.LEADING, do.NOTHING, 0.5)
    assert len(passes) == 1


def test_a_map_of_a_difference_and_its_verdict(obama: Shot, mapped: list[Any]) -> None:
    found, view, words, _ = mapped
    result = predict(telling.network(WEIGHT), obama.face(), grad=True)
    (direct,) = explain(result, "hires_cam", target="happiness - fear")
    np.testing.assert_allclose(found.heatmap.values, direct.values, atol=1e-5)
    assert "data-target='happiness - fear'" in view and "happiness and not for fear" in view
    assert "share of happiness among happiness and fear" in words
    verdict, curve = do.check(obama, found)
    again = faithfulness(result, direct, target="P(happiness - fear)")
    assert curve.deletion == pytest.approx(again.deletion, abs=1e-3) and "data-unit='P(happiness - fear)'" in verdict
    plot, areas = do.draw_curves(curve)
    assert f"{curve.deletion_auc:.3f}" in areas and len(plot.data) == 4


def test_the_leading_class_is_explained_unless_another_is_chosen(ran: list[Any], obama: Shot) -> None:
    looked = ran[0]
    first, second = (name for name, _ in looked.said.ranked[:2])
    assert do.target_of(looked, do.LEADING, do.NOTHING) == first == do.target_of(looked, do.LEADING, first)
    assert do.target_of(looked, do.LEADING, second) == f"{first} - {second}"
    found = do.explain(obama, looked, "hires_cam", None, second, do.NOTHING, 0.5)[0]
    own = do.explain(obama, looked, "hires_cam", None, do.LEADING, do.NOTHING, 0.5)[0]
    assert found.target == second and own.target == first
    assert not np.allclose(found.heatmap.values, own.heatmap.values)
    assert do.check(obama, own)[1].unit == f"P({first})"


def test_parts_and_regions_when_they_are_opened(obama: Shot, mapped: list[Any]) -> None:
    (table,), (words,) = do.region_rows(obama, mapped[0]), do.part_words(obama, mapped[0])
    assert all(name in table for name in (*EXPRESSIONS, "nothing", "forehead"))
    (direct,) = part_values(predict(telling.network(WEIGHT), obama.face()), target="happiness - fear")
    assert f"{direct.whole:.2f}" in words and "the decision" in words


def test_methods_and_layers_follow_the_model(ran: list[Any]) -> None:
    method, layer = do.offer(WEIGHT, None, ran[0])
    labels = [label for _, label in method["choices"]]
    assert {"grad_cam", "occlusion", "part_shapley"} <= set(labels) and method["value"] in labels
    assert do.offer(WEIGHT, "hires_cam", ran[0])[0]["value"] == "hires_cam"
    layer = do.offer_layers(WEIGHT, "hires_cam")
    assert layer["visible"] is True and layer["value"] == telling.network(WEIGHT).cam_tap
    assert do.offer_layers(WEIGHT, "occlusion")["visible"] is False


def test_a_method_stays_where_it_beats_a_random_order(ran: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "grad_cam": Measured("grad_cam", 0.3, (0.2, 0.4), 40, 0.1, "faces"),
        "occlusion": Measured("occlusion", 0.9, (0.8, 1.0), 40, 1.0, "faces"),
    }
    for module in (do, offering):
        monkeypatch.setattr(module, "measured", lambda _: rows)
    monkeypatch.setattr(offering, "first_method", lambda _weight, _model: "occlusion")
    sent_away, kept = (do.offer(WEIGHT, method, ran[0])[0] for method in ("grad_cam", "hires_cam"))
    assert sent_away["value"] == "occlusion" and kept["value"] == "hires_cam"  # not measured: the reader's own choice
    named = Asked(Address("expression", WEIGHT, method="grad_cam"))
    assert do.offer(WEIGHT, "grad_cam", ran[0], named)[0]["value"] == "grad_cam"
    assert "the share of faces in which its map" in kept["info"] and kept["info"].endswith(offering.UNSURE)


def test_the_report_says_what_the_page_shows(ran: list[Any], obama: Shot, mapped: list[Any]) -> None:
    looked = do.cover(obama, ran[0], ["mouth"])[0]
    path, note = do.make_report(obama, looked, mapped[0], 0.5)
    assert note == "" and path is not None
    with zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read("expression.json"))
        assert {"hires_cam_a.png", "report.html", "maps.npz"} <= set(archive.namelist())
    assert values["shares"] == pytest.approx(looked.said.by_name) and values["target"] == "happiness - fear"
    assert values["covered"]["the mouth"]["shares"] == pytest.approx(looked.covered[0].by_name)
    assert do.make_report(obama, None, None, 0.5)[0] is None


def test_a_former_photo_s_findings_are_not_shown_with_another(ran: list[Any], biden: Shot, mapped: list[Any]) -> None:
    assert do.cover(biden, ran[0], ["mouth"]) == [gr.skip()] * 2 and do.draw(biden, mapped[0], 0.5) == gr.skip()
    assert do.explain(biden, ran[0], "hires_cam", None, do.LEADING, do.NOTHING, 0.5)[0] is None
    assert do.check(biden, mapped[0]) == ["", None] and do.part_words(biden, mapped[0]) == [""]
    assert do.make_report(biden, ran[0], mapped[0], 0.5)[0] is None


def test_what_is_wrong_is_said(obama: Shot, ran: list[Any]) -> None:
    gone = Shot("/nowhere/photo.jpg", obama.marks)
    assert "no longer kept" in do.run(gone, WEIGHT, [])[1] and do.run(None, WEIGHT, [])[1].count(do.WAITING) == 1
    assert "no method" in do.explain(obama, ran[0], "attention", None, do.LEADING, do.NOTHING, 0.5)[1]
    assert "untrained" in do.run(obama, "nothing", [])[1]


def test_without_a_weight_the_tab_says_so_and_the_app_starts(obama: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [n for n in answering.available_weights() if n != WEIGHT]
    for module in (answering, telling):
        monkeypatch.setattr(module, "available_weights", lambda: names)
    assert telling.default_weight() is None and do.UNTRAINED in do.run(obama, None, [])[1]
    page = app.build()
    shown = [b.value for b in page.blocks.values() if getattr(b, "elem_id", "") == "expression-answer"]
    assert len(shown) == 1 and do.UNTRAINED in shown[0]
    assert "face_expression" not in [fn.api_name for fn in page.fns.values()]


def test_examples(obama: Shot) -> None:
    for number, (file, _) in enumerate(do.EXAMPLES[:2]):
        shot = do.picked_example(SimpleNamespace(example=number))[0]  # type: ignore[arg-type]
        assert shot.path.endswith(file)
    for wrong in (99, -1, "0"):
        assert do.picked_example(SimpleNamespace(example=wrong)) == [gr.skip()] * 4  # type: ignore[arg-type]
    assert do.first_example()[0].path.endswith(do.EXAMPLES[0][0])


def test_the_endpoint(six: Path) -> None:
    shot = take(str(six))
    values = expression_api.face_expression(str(six), "sunglasses", 3, "sadness", "anger")
    model = telling.network(WEIGHT)
    assert [f["box"] for f in values["faces"]] == [m.box.tolist() for m in shot.marks]
    for i, row in enumerate(values["faces"]):
        assert row["shares"] == pytest.approx(predict(model, shot.pick(i).face()).probabilities, abs=1e-4)
        assert sum(row["shares"].values()) == pytest.approx(1, abs=1e-5) and -1 <= row["valence"] <= 1
    then = predict(model, covered(shot.face(), model.spec, ("sunglasses",), 3)).probabilities
    assert values["covered"]["shares"] == pytest.approx(then, abs=1e-4) and values["target"] == "sadness - anger"
    assert "among sadness and anger" in values["words"] and set(values["regions"]["mouth"]) == set(EXPRESSIONS)
    json.dumps(values)
    assert expression_api.face_expression(str(six))["covered"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"cover": "hat"}, "cover is one of nothing, eyes"),
        ({"why": "joy"}, "why is one of leading, neutral"),
        ({"why_not": "joy"}, "why_not is one of nothing"),
        ({"model": "edgeface"}, "model is one of expression"),
        ({"seed": -1}, "seed is a whole number"),
    ],
)
def test_what_the_endpoint_refuses(obama: Shot, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(gr.Error, match=words):
        expression_api.face_expression(obama.path, **arguments)


@pytest.mark.usefixtures("poor_faces")
def test_nothing_is_said_in_bold_of_a_poor_face(obama: Shot) -> None:
    looked, card, *_ = do.run(obama, WEIGHT, [])
    for shown in (card, do.cover(obama, looked, ["mouth"])[1]):
        assert "Answer withheld: tiny face, blurred face in the photo" in shown and "ks-decision" not in shown
