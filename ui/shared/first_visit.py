"""The example that a tab shows to whoever opens it with nothing yet.

It takes seconds to make. So it is made aside, and put on the page in a step of its own that looks again: a photo that
came in the meantime stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ui.shared.widgets import RUNS, SESSION_SECONDS, VIEWS, PhotoInput


def first_visit(
    tab: gr.Tab,
    make: Callable[[], Sequence[Any]],
    photos: Sequence[PhotoInput],
    outputs: Sequence[Any],
    *,
    on: Any,
    also: Sequence[Any] = (),
) -> Any:
    """Wire the opening of a tab; returns the event after which the example stands, or what was brought does.

    Args:
        tab: its opening begins.
        make: the values for `outputs`.
        photos: whoever has one of them keeps the page as it is.
        outputs: components of the example.
        on: where progress is shown; no photo, since one may be chosen in the meantime.
        also: further components whose value counts as brought.
    """
    with tab:  # between tabs it would take the place of one
        ready = gr.State(None, time_to_live=SESSION_SECONDS)
    brought = [part for photo in photos for part in (photo.image, photo.shot)]

    def prepare_example(*values: Any) -> list[Any] | None:
        return None if any(values) else list(make())

    def show_example(made: list[Any] | None, *values: Any) -> list[Any]:
        return [None, *placed(made, values, len(outputs))]

    made = tab.select(prepare_example, [*brought, *also], ready, show_progress_on=on, **RUNS)
    return made.then(show_example, [ready, *brought, *also], [ready, *outputs], **VIEWS)


def placed(made: Sequence[Any] | None, brought: Sequence[Any], count: int) -> list[Any]:
    """The example's values, or nothing changed where there is none or something was brought.

    Args:
        made: values, None when none were made.
        brought: what is on the page now.
        count: how many values are wanted.
    """
    return [gr.skip()] * count if made is None or any(brought) else list(made)
