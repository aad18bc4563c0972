"""Steps that follow several events, laid out once.

Gradio copies a step that follows ten events into ten steps, and its page compares each of them with each component
before it can be used. So the events press one start, and the steps follow that.
"""

from __future__ import annotations

import time
from typing import Any

import gradio as gr

from ui.shared.widgets import SESSION_SECONDS, VIEWS


class Start:
    """Where a chain of steps begins.

    Lay it out like a component: not directly between tabs.
    """

    def __init__(self) -> None:
        self.pressed = gr.State(None, time_to_live=SESSION_SECONDS)

    def after(self, event: Any, *, success: bool = False) -> None:
        """The chain begins whenever `event` is done; with `success`, unless it failed."""
        (event.success if success else event.then)(time.monotonic_ns, None, self.pressed, **VIEWS)

    def on(self, *listens: Any) -> None:
        """The chain begins with events of components, `slider.input` or the like."""
        gr.on(list(listens), time.monotonic_ns, None, self.pressed, **VIEWS)

    @property
    def then(self) -> Any:
        """Listener for the first step of the chain, like an event's `then`."""
        return self.pressed.change
