"""The folded comparisons of the Kinship tab without a browser."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from models import WeightError
from models.tasks import TASKS
from ui.kinship import all_models, comparing
from ui.kinship.all_models import Row
from ui.shared import answering, picker
from ui.shared.answering import Answer
from ui.shared.photos import Shot

FEW = ("dlib_kin", "facor", "dlib_resnet")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "pair_weights", lambda: list(FEW))


def row(weight: str, score: float) -> Row:
    return Row(weight, Answer(weight, score, score, score, 0.1), 0.05)


def test_answers_come_one_after_another_and_are_the_models_own(obama: Shot, biden: Shot) -> None:
    steps = list(comparing.ask_all(True, None, obama, biden))
    assert [step[2].count("data-score") for step in steps[:-1]] == [0, 1, 2, 3]
    assert "0 of 3 models" in steps[0][2] and "models have answered" not in steps[-2][2]
    for weight in FEW:
        assert f"data-score='{answering.answer(obama, biden, weight).score!r}'" in steps[-2][2]
    assert steps[0][0] is None and steps[-1][0] is not None  # a stopped table is not taken for a whole one
    assert steps[0][4]["visible"] is True and steps[-1][4]["visible"] is False


@pytest.mark.usefixtures("no_model_runs")
def test_nothing_runs_while_closed_or_for_the_same_pair(obama: Shot, biden: Shot) -> None:
    assert list(comparing.ask_all(False, None, obama, biden)) == [[gr.skip()] * 5]
    assert list(comparing.ask_all(True, None, obama, None)) == [[gr.skip()] * 5]
    pair = tuple((shot.path, shot.marks[0].keypoints.tobytes()) for shot in (obama, biden))
    ((filled, panel, *others),) = comparing.ask_all(True, pair, obama, biden)
    assert filled == gr.skip() and panel["elem_classes"] == [] and others == [gr.skip()] * 3


def test_a_model_that_fails_is_a_row_with_its_reason(obama: Shot, biden: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = answering.answer

    def failing(a: Shot, b: Shot, weight: str) -> Answer:
        if weight == "facor":
            raise WeightError("the <file> was altered")
        return ask(a, b, weight)

    monkeypatch.setattr(answering, "answer", failing)
    assert list(comparing.ask_all(True, None, obama, biden))[-1][0] is None  # opened again, it is asked again
    rows = list(all_models.ask_all(obama, biden))[-1]
    table = all_models.table(rows, of=3)
    assert "the &lt;file&gt; was altered" in table and table.count("data-score") == 2
    assert "1 of 1 models" in all_models.agreement(rows)


def test_agreement_counts_each_question_by_each_models_own_threshold() -> None:
    own = {weight: answering.sidecar(weight).rule.threshold for weight in FEW}
    rows = [row("dlib_kin", own["dlib_kin"]), row("facor", own["facor"] - 0.01), row("dlib_resnet", 0.0)]
    said = all_models.agreement(rows)
    assert "they are split evenly" in said and f"1 of 1 models say: {TASKS['verification'].no}" in said
    both = [rows[0], row("facor", own["facor"] + 0.01)]
    assert f"2 of 2 models say: {TASKS['kinship'].yes}" in all_models.agreement(both)
    assert all_models.agreement([]) == ""


@pytest.mark.usefixtures("no_model_runs")
@pytest.mark.parametrize("weight", FEW)
def test_the_place_of_a_score_is_counted_on_the_weights_own_pairs(weight: str) -> None:
    words, bars, roc = comparing.place(Answer(weight, 0.8, 0.8, 0.8, 0.2), 0.6)
    points = answering.sidecar(weight).rule.operating_points
    far, tar = points.at(0.8)
    assert f"{100 * tar:.1f} %" in words and f"{100 * far:.1f} %" in words and points.protocol in words
    assert ("interpolated" in words) != points.exact
    assert bars.layout.height == roc.layout.height == comparing.PLOT_HEIGHT
    assert comparing.place(None, 0.5) == ("", None, None)


def test_names_are_plain_and_marks_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picker, "pair_weights", lambda: list(FEW))
    seconds = {"dlib_kin": 0.1, "facor": 0.3, "dlib_resnet": 0.2}
    monkeypatch.setattr(picker, "seconds_of", seconds.get)
    assert picker.title("dlib_kin") == "Blood relatives? Kinship head on the reference encoder (dlib_kin): fastest"
    assert picker.marks("facor") == ["best"]  # the higher AUC of the two
    assert picker.marks("dlib_resnet") == ["permissive licence"]  # alone, it is neither best nor fastest
    assert answering.measured("facor") in picker.line("facor")
    seconds["facor"] = 0.104
    assert picker.marks("facor") == ["best", "fastest"] and picker.marks("dlib_kin") == ["fastest"]  # no difference


def test_the_best_same_person_model_is_the_most_accurate_on_lfw(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["dlib_resnet", "edgeface"]
    monkeypatch.setattr(picker, "pair_weights", lambda: names)
    best = max(names, key=lambda n: answering.figures(n)["accuracy"])
    assert [n for n in names if "best" in picker.marks(n)] == [best]


def test_a_time_counts_for_the_file_it_was_measured_on(monkeypatch: pytest.MonkeyPatch) -> None:
    own = answering.sidecar("facor").sha256
    monkeypatch.setattr(picker, "_pairs", lambda: {"facor": {"sha256": own, "seconds": 0.1}})
    assert picker.seconds_of("facor") == 0.1 and picker.seconds_of("dlib_kin") is None
    other = replace(answering.sidecar("facor"), sha256="0" * 64)
    monkeypatch.setattr(picker, "sidecar", lambda _: other)
    assert picker.seconds_of("facor") is None
