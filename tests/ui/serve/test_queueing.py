"""What is mended of Gradio's queue, and that it still needs it."""

from __future__ import annotations

import inspect

import gradio as gr
from gradio import queueing, routes

from ui.serve.queueing import mend_queue


def mended() -> gr.Blocks:
    with gr.Blocks() as page:
        gr.Button("Go")
    page.app = routes.App.create_app(page)
    mend_queue(page)
    return page


def test_a_step_that_has_ended_can_be_forgotten_again() -> None:
    iterators = mended().app.iterators
    iterators["event"] = None  # type: ignore[assignment]
    del iterators["event"]
    del iterators["event"]
    assert iterators == {}


def test_no_time_is_foretold() -> None:
    times = mended()._queue.process_time_per_fn
    times["step"].add(3.0)  # type: ignore[index]
    assert "step" not in times


def test_gradio_still_asks_like_that() -> None:
    assert "del app.iterators[body.event_id]" in inspect.getsource(routes)
    assert "if fn in self.process_time_per_fn" in inspect.getsource(queueing)
