"""Folded parts: nothing is computed for what is closed, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from ui.shared.cards import message
from ui.shared.folds import fade, fill, fold, mark


def step_of(*, keyed: bool, made: Callable[[], Any] | None = None) -> tuple[Callable[..., list[Any]], list[int]]:
    """The step that `fill` makes of a function of one value, and what that function was given.

    It adds one, or returns what `made` does.
    """
    given: list[int] = []

    def work(value: int) -> list[Any]:
        given.append(value)
        return [made() if made else value + 1]

    steps: list[Any] = []
    with gr.Blocks():
        with fold("Part", "part") as part:
            shown, key = gr.Number(), gr.State(0)
        fill(lambda step, *_, **__: steps.append(step), part, work, [key], [shown], key=key if keyed else None)
    return steps[0], given


def test_a_closed_part_is_left_alone() -> None:
    step, given = step_of(keyed=True)
    assert step(False, None, 1, 7) == step(None, None, 1, 7) == [gr.skip()] * 3 and given == []


def test_an_open_part_is_filled_once_for_what_is_shown() -> None:
    step, given = step_of(keyed=True)
    filled, panel, shown = step(True, None, 1, 7)
    assert (filled, panel["elem_classes"], shown) == (1, [], 8)
    assert step(True, filled, 1, 7) == [gr.skip()] * 3 and given == [7]
    assert step(True, filled, 2, 9)[2] == 10 and given == [7, 9]


def test_without_a_key_an_open_part_is_filled_each_time() -> None:
    step, given = step_of(keyed=False)
    assert step(True, None, None, 1)[2] == 2 and step(True, None, None, 1)[2] == 2 and given == [1, 1]


def test_a_former_answer_fades_in_the_browser_alone() -> None:
    with gr.Blocks() as page:
        button, shown, more = gr.Button(), gr.HTML(), gr.HTML()
        mark(fade(button.click, shown, more), shown, former=False)
    faded, back = page.fns.values()
    assert faded.fn is back.fn is None and str(faded.js).count("['ks-former']") == 2
    assert str(back.js).count("elem_classes: []") == 1


def test_a_part_that_failed_is_filled_again_when_it_is_opened_again() -> None:
    said = [message("The app is busy.", error=True), message("A hint.")]
    step, _ = step_of(keyed=True, made=lambda: said.pop(0))
    filled, panel, shown = step(True, None, 1, 7)
    assert filled is None and panel["elem_classes"] == [] and "busy" in shown
    assert step(True, filled, 1, 7)[0] == 1 and not said
