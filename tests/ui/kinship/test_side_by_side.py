"""Several methods on one pair without a browser."""

from __future__ import annotations

import gradio as gr
import pytest

from explain import EXPLAINERS
from explain.core.agreement import agreement
from models import WeightError
from ui.kinship import side_by_side
from ui.shared import answering, evidence, offering
from ui.shared.answering import Answer
from ui.shared.photos import Shot

WEIGHT = "edgeface_kin"
TWO = ["grad_cam", "eigen_cam"]


@pytest.fixture(scope="module")
def answer(obama: Shot, biden: Shot) -> Answer:
    return answering.answer(obama, biden, WEIGHT)


def test_maps_come_one_after_another_with_their_test_and_agreement(obama: Shot, biden: Shot, answer: Answer) -> None:
    steps = list(side_by_side.compare(True, None, 7, obama, biden, answer, TWO))
    assert [step[3].count("data-method") for step in steps[:-1]] == [0, 1, 2]
    assert steps[0][0] is None and steps[-1][0] == (7, *TWO)  # one that was cut off is not taken for a whole one
    assert steps[0][4:] == ["", gr.update(visible=True)] and steps[-1][5] == gr.update(visible=False)
    note, button = side_by_side.stopped()
    assert side_by_side.STOPPED in note and button == gr.update(visible=False)
    assert steps[0][2]["value"] == TWO and len(steps[0][2]["choices"]) > len(TWO)
    shown = steps[-2][3]
    assert shown.count("<img") == 4 and "ks-agree" not in steps[1][3]
    maps = [evidence.make_maps(obama, biden, WEIGHT, m, offering.default_layer(WEIGHT, m)) for m in TWO]
    assert f"<td>{agreement(maps[0].maps, maps[1].maps):+.2f}</td>" in shown
    for method, made in zip(TWO, maps, strict=True):
        assert EXPLAINERS[method].title in shown
        for heatmap in made.maps:
            assert f"values from {float(heatmap.values.min()):.3g} to" in shown


def test_at_first_the_page_s_own_and_never_more_than_four(obama: Shot, biden: Shot, answer: Answer) -> None:
    offered = [label for _, label in offering.method_choices(WEIGHT)]
    first = next(side_by_side.compare(True, None, 7, obama, biden, answer, []))
    best = offering.default_method(WEIGHT)
    chosen = [best, *[m for m in offered if m != best][: side_by_side.FIRST - 1]]
    assert first[2]["value"] == chosen
    many = next(side_by_side.compare(True, None, 7, obama, biden, answer, [*offered, "attention"]))
    assert many[2]["value"] == offered[: side_by_side.MOST]
    twice = next(side_by_side.compare(True, None, 7, obama, biden, answer, [*TWO, *TWO, "no method"]))
    assert twice[2]["value"] == TWO  # what a program may send
    other = next(side_by_side.compare(True, (6, "attention"), 7, obama, biden, answer, ["attention"]))
    assert other[2]["value"] == chosen  # this network has no attention


@pytest.mark.usefixtures("no_model_runs")
def test_nothing_runs_while_closed_for_the_same_or_without_a_method(obama: Shot, biden: Shot, answer: Answer) -> None:
    for opened, a, given in ((False, obama, answer), (True, None, answer), (True, obama, None)):
        assert list(side_by_side.compare(opened, None, 7, a, biden, given, TWO)) == [[gr.skip()] * 6]
    ((filled, panel, *others),) = side_by_side.compare(True, (7, *TWO), 7, obama, biden, answer, TWO)
    assert filled == gr.skip() and panel["elem_classes"] == [] and others == [gr.skip()] * 4
    steps = list(side_by_side.compare(True, (7, *TWO), 7, obama, biden, answer, []))
    assert side_by_side.CHOOSE in steps[0][3] and steps[-1][0] == (7,)


def test_a_method_that_fails_says_why(
    obama: Shot, biden: Shot, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = evidence.make_maps

    def failing(a: Shot, b: Shot, weight: str, method: str, layer: str | None) -> evidence.Maps:
        if method == "eigen_cam":
            raise WeightError("the <file> was altered")
        return make(a, b, weight, method, layer)

    monkeypatch.setattr(evidence, "make_maps", failing)
    *_, (*_, shown, _, _), (filled, *_) = side_by_side.compare(True, None, 7, obama, biden, answer, TWO)
    assert filled is None  # opened again, it is tried again
    assert "the &lt;file&gt; was altered" in shown and shown.count("data-method") == 1 and "ks-agree" not in shown
