"""Two habits of Gradio's queue that a page cannot do with.

It tells how long a step will take: the mean of that step's former times. Here one step makes the maps of every method,
and takes from milliseconds to a minute: the estimate was wrong by far. Without one, the time that has passed is shown.

Its request that cancels a step closes the step's generator and then forgets it; so does the generator's own end, which
may come in between, and then the request fails with a traceback in the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr
from gradio.queueing import ProcessTime


class NoEstimates(defaultdict[Any, ProcessTime]):
    """Times of steps, of which the queue is told that it knows none."""

    def __init__(self) -> None:
        super().__init__(ProcessTime)

    def __contains__(self, step: object) -> bool:
        return False


class Running(dict[str, "AsyncIterator[Any]"]):
    """Generators of steps that go on, by their event; one that is gone already can be forgotten again."""

    def __delitem__(self, event: str) -> None:
        self.pop(event, None)


def mend_queue(page: gr.Blocks) -> None:
    """Of a page that was launched, before it has served anything."""
    page._queue.process_time_per_fn = NoEstimates()
    page.app.iterators = Running(page.app.iterators)
