"""Our errors in the user's words: on the page, and at the endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from models.errors import UserError

FAILURES = (UserError,)
"""What a callback catches and shows: errors whose message is for the user."""


@contextmanager
def in_words(*also: type[Exception]) -> Iterator[None]:
    """At an endpoint: errors whose message is for the user, and those of `also`, become the caller's."""
    said: tuple[type[Exception], ...] = (*FAILURES, *also)
    try:
        yield
    except said as error:
        raise gr.Error(str(error), print_exception=False) from error
