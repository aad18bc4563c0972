"""A map that is sampled is shown while it grows."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import gradio as gr
import numpy as np
import pytest

from explain import EXPLAINERS, explain
from models.running import BUSY, BusyError, TooLongError
from ui.kinship import callbacks as do
from ui.shared import answering, evidence
from ui.shared.evidence import Maps
from ui.shared.photos import Shot
from ui.shared.turns import TURNS

KIN = "edgeface_kin"


@pytest.fixture
def _few_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """70 masks instead of 500."""
    row, few = EXPLAINERS["corr_rise"], {"masks": 70}
    quick = replace(row, run=partial(row.run, **few), refine=partial(row.refine, **few))  # type: ignore[arg-type]
    monkeypatch.setitem(EXPLAINERS, "corr_rise", quick)
    evidence.FOUND.clear()


@pytest.mark.usefixtures("_few_masks")
def test_a_map_that_is_sampled_grows_finer_and_is_made_once(obama: Shot, biden: Shot) -> None:
    answer = answering.answer(obama, biden, KIN)
    every = list(do.explain_pair(obama, biden, answer, "corr_rise", None, 0.5))
    *steps, (_, _, at_last) = every
    assert len(steps) == 3 and at_last["visible"] is False
    for count, (made, drawn, stop) in zip((20, 60, 70), steps, strict=True):
        assert made is not None and f"{count} masks of" in drawn["value"]
        assert drawn["elem_classes"] == [] and stop["visible"] is True
    (direct,) = [m for m in explain(answering.ask(obama, biden, KIN), "corr_rise") if m.face == 1]
    last = steps[-1][0]
    assert last is not None and np.array_equal(last.maps[1].values, direct.values)
    ((again, _, stop),) = do.explain_pair(obama, biden, answer, "corr_rise", None, 0.5)
    assert again is not None and again.maps is last.maps and stop["visible"] is False


@pytest.mark.usefixtures("_few_masks")
def test_a_report_after_a_stop_has_the_map_that_was_shown(obama: Shot, biden: Shot) -> None:
    answer = answering.answer(obama, biden, KIN)
    coarse = next(do.explain_pair(obama, biden, answer, "corr_rise", None, 0.5))[0]
    assert coarse is not None
    path, _ = do.make_report(obama, biden, answer, coarse, "corr_rise", None, 0.5, 0.5)
    assert path is not None
    with zipfile.ZipFile(path) as archive, archive.open("maps.npz") as file:
        kept = np.load(io.BytesIO(file.read()))
        (name,) = [n for n in kept.files if n.startswith("corr_rise") and n.endswith("b")]
        assert np.array_equal(kept[name], coarse.maps[1].values)


@pytest.mark.usefixtures("_few_masks")
def test_other_maps_that_are_asked_for_end_the_refining(obama: Shot, biden: Shot) -> None:
    answer = answering.answer(obama, biden, KIN)
    steps = do.explain_pair(obama, biden, answer, "corr_rise", "", 0.5)
    assert "20 masks of" in next(steps)[1]["value"]
    TURNS.begin()
    ((_, _, at_last),) = steps
    assert at_last["visible"] is False
    assert len(list(do.explain_pair(obama, biden, answer, "corr_rise", None, 0.5))) == 4  # nothing coarse was held


def test_maps_that_fail_leave_none_of_a_former_answer(
    obama: Shot, biden: Shot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = answering.answer(obama, biden, KIN)

    def busy(*_: object) -> Iterator[tuple[Maps, bool]]:
        raise BusyError(BUSY)

    monkeypatch.setattr(evidence, "growing_maps", busy)
    ((made, drawn, stop),) = do.explain_pair(obama, biden, answer, "grad_cam", None, 0.5)
    assert made is None and BUSY in drawn["value"] and stop["visible"] is False


def test_coarse_maps_stay_when_the_fine_ones_take_too_long(
    obama: Shot, biden: Shot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = answering.answer(obama, biden, KIN)
    coarse = evidence.make_maps(obama, biden, KIN, "eigen_cam", None)

    def ended(*_: object) -> Iterator[tuple[Maps, bool]]:
        yield coarse, True
        raise TooLongError("It took too long.")

    monkeypatch.setattr(evidence, "growing_maps", ended)
    (first, shown, _), (then, drawn, stop) = do.explain_pair(obama, biden, answer, "eigen_cam", None, 0.5)
    assert first is coarse and then == gr.skip() and stop["visible"] is False
    assert "It took too long." in drawn["value"] and drawn["value"].endswith(shown["value"])
