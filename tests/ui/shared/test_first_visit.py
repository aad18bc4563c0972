"""The example of a tab never takes the place of what a visitor brought, however late it is ready."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

import app
from ui.shared.addresses import Asked
from ui.shared.first_visit import placed


def test_what_was_brought_stays() -> None:
    made = ["shot", "picture", "picker"]
    assert placed(made, [None, None, ""], 3) == made
    assert placed(made, [None, "/mine.jpg", None], 3) == [gr.skip()] * 3
    assert placed(None, [None], 3) == [gr.skip()] * 3


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return app.build()


def wired(page: gr.Blocks, name: str) -> list[Any]:
    """The steps of this name."""
    return [fn for fn in page.fns.values() if fn.name == name]


def test_every_tab_looks_again_before_it_shows_its_example(page: gr.Blocks) -> None:
    """The example is made by one step, which shows nothing, and shown by a second one, which sees what came since."""
    made, shown = wired(page, "prepare_example"), wired(page, "show_example")
    assert len(made) == len(shown) == 6  # parents and child, search, partial face, attention, keypoints, expression
    for first, second in zip(made, shown, strict=True):
        assert [type(b) for b in first.outputs] == [gr.State]
        brought = first.inputs
        assert second.inputs == [*first.outputs, *brought] and second.concurrency_id == "view"
        assert any(isinstance(b, gr.Image) for b in brought)
        assert isinstance(brought[-1], gr.State)  # what an address or another tab asked for
        assert first.fn(*[None] * (len(brought) - 1), Asked()) is None
    searched = next(step for step in made if any(isinstance(b, gr.File) for b in step.inputs))
    assert searched.fn(None, None, ["mine.zip"]) is None


def test_a_photo_that_came_meanwhile_is_seen_by_the_second_step(page: gr.Blocks) -> None:
    for step in wired(page, "show_example"):
        count = len(step.outputs) - 1
        nothing = [None] * (len(step.inputs) - 1)
        assert step.fn(["example"] * count, *nothing) == [None, *["example"] * count]
        assert step.fn(["example"] * count, "/mine.jpg", *nothing[1:]) == [None, *[gr.skip()] * count]


def test_between_tabs_there_are_tabs_alone(page: gr.Blocks) -> None:
    """Gradio counts whatever lies among them, and gives a tab the name of its neighbour."""
    rows = [block for block in page.blocks.values() if isinstance(block, gr.Tabs)]
    assert len(rows) >= 3
    assert all(isinstance(child, gr.Tab) for row in rows for child in row.children)
