"""A run of many pairs that ends before its first pair leaves what the page shows."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from ui.kinship import batch_answers
from ui.kinship import batch_callbacks as do
from ui.kinship.batch_answers import Batch

KIN = "dlib_kin"
FORMER = Batch(KIN, (), 7, {}, ())


@pytest.mark.parametrize("stopped", [True, False])
def test_results_of_before_stay(stopped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    job, *_, results, _ = do.begin_example(FORMER, KIN)
    assert results["elem_classes"] == ["ks-former"]
    if stopped:
        job.stop.set()
    else:
        monkeypatch.setattr(batch_answers, "GALLERY_SECONDS", -1)
    kept, card, table, results = list(do.work(job, 0.5, "listed", FORMER))[-1]
    assert kept == table == gr.skip() and results["elem_classes"] == [] and "visible" not in results
    assert "before a pair was compared" in card and "are kept" not in card and do.FORMER_STAY in card
    assert do.FORMER_STAY not in list(do.work(job, 0.5, "listed"))[-1][1]


def test_they_stay_faded_where_another_model_made_them() -> None:
    job, *_ = do.begin_example(FORMER, KIN)
    unread = replace(job, weight="unheard_of")
    kept, card, table, results = list(do.work(unread, 0.5, "listed", FORMER))[-1]
    assert kept == table == gr.skip() and "untrained" in card and do.FORMER_STAY in card
    assert results["elem_classes"] == ["ks-former"]
