"""The words above the map: first figures, then the exact ones, of the answer that is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import pytest

from explain.core.first_parts import FIRST_SETS, FirstParts
from explain.core.parts import PartValues
from explain.core.words import FIRST
from explain.methods import part_shapley
from models.running import BUSY, BusyError, TooLongError
from ui.kinship import callbacks as do
from ui.kinship import regions
from ui.shared import answering, evidence
from ui.shared.answering import Answer
from ui.shared.photos import Shot
from ui.shared.turns import TURNS


@pytest.fixture
def answer(obama: Shot, biden: Shot) -> Answer:
    evidence.FOUND.clear()
    return answering.answer(obama, biden, "edgeface_kin")


def told(a: Shot | None, b: Shot | None, answer: Answer | None, before: int | None = None) -> Iterator[list[Any]]:
    return regions.tell_parts(7, before, a, b, answer, 0.5)


def test_first_figures_come_first_and_the_exact_ones_stay(obama: Shot, biden: Shot, answer: Answer) -> None:
    first, half, exact, done = told(obama, biden, answer)
    for step, kinds in ((first, [FirstParts] * 2), (half, [PartValues, FirstParts]), (exact, [PartValues] * 2)):
        assert [type(found) for found in step[1]] == kinds and step[0] == gr.skip()
        assert step[2]["value"].count(FIRST) == kinds.count(FirstParts) and step[2]["elem_classes"] == []
    assert done == [7, gr.skip(), gr.skip()]
    for estimate, found in zip(first[1], exact[1], strict=True):
        assert np.array_equal(estimate.values, found.values[list(FIRST_SETS)])
        assert (estimate.whole, estimate.empty) == (found.whole, found.empty)
        assert 0 < np.abs(estimate.phi - found.phi).max() < 0.05
        assert float(estimate.phi.sum()) == pytest.approx(found.whole - found.empty, abs=1e-5)
    again, at_last = told(obama, biden, answer)
    assert again[1] is exact[1] and at_last[0] == 7  # nothing is computed twice
    assert again[1] == evidence.parts(obama, biden, answer.weight)


def test_words_that_stand_there_stay(obama: Shot, biden: Shot, answer: Answer) -> None:
    assert [*told(obama, biden, answer, before=7)] == [[gr.skip()] * 3]
    assert [*told(obama, None, answer)] == [[gr.skip()] * 3] == [*told(obama, biden, None)]


def test_another_answer_ends_them(obama: Shot, biden: Shot, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, real = [], part_shapley.covered_readings
    monkeypatch.setattr(part_shapley, "covered_readings", lambda *a, **how: asked.append(1) or real(*a, **how))
    steps = told(obama, biden, answer)
    assert len(next(steps)[1]) == 2 == len(asked)
    do.answer_pair(biden, obama, answer.weight, 0.5)  # the same session
    assert [*steps] == [[gr.skip()] * 3]  # neither words of the former pair nor a mark that they are there
    assert len(asked) == 3


def test_other_maps_that_are_asked_for_end_them_too(obama: Shot, biden: Shot, answer: Answer) -> None:
    steps = told(obama, biden, answer)
    next(steps)
    TURNS.begin()
    assert [*steps] == [[gr.skip()] * 3]


def test_a_failure_is_said_and_they_are_tried_again(
    obama: Shot, biden: Shot, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> Iterator[tuple[PartValues, ...]]:
        raise BusyError(BUSY)

    monkeypatch.setattr(evidence, "growing_parts", busy)
    ((mark, parts, shown),) = told(obama, biden, answer)
    assert mark is None and parts is None and BUSY in shown["value"]


def test_first_figures_stay_when_the_exact_ones_take_too_long(
    obama: Shot, biden: Shot, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next(evidence.growing_parts(obama, biden, answer.weight))

    def ended(*_: object) -> Iterator[tuple[FirstParts | PartValues, ...]]:
        yield first
        raise TooLongError("It took too long.")

    monkeypatch.setattr(evidence, "growing_parts", ended)
    (_, parts, shown), (mark, then, at_last) = told(obama, biden, answer)
    assert parts is first and then == gr.skip() and mark is None
    assert "It took too long." in at_last["value"] and at_last["value"].endswith(shown["value"])
    assert regions.told_at_threshold(7, mark, parts, 0.6) == gr.skip()
    assert regions.told_at_threshold(7, 7, parts, 0.6) == regions.at_threshold(parts, 0.6)


def test_they_follow_the_threshold_and_run_nothing_then(obama: Shot, biden: Shot, answer: Answer) -> None:
    *_, (_, parts, shown), _ = told(obama, biden, answer)
    assert shown["value"].count("<p>") == 2
    for found in parts:
        assert found.whole == pytest.approx(answer.similarity, abs=1e-5)
        assert float(found.phi.sum()) == pytest.approx(found.whole - found.empty, abs=1e-5)
    assert regions.at_threshold(parts, 0.5) == shown["value"] and regions.at_threshold(None, 0.5) == gr.skip()
    low = max(float(p.decisions.max()) for p in parts) + 1e-3
    assert regions.at_threshold(parts, min(low, 1.0)).count("No set of parts turns the decision") == 2
