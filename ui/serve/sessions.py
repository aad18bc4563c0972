"""Which sessions are there, what goes with those that ended, and what their pages are told then.

A page outlives its session: the server was started again, more recent sessions pushed it out, or its time was over. It
still shows photos, of which the server knows nothing. Every page begins with its load events, so a session of which
there was none is one that was lost.
"""

from __future__ import annotations

import asyncio
import math
import time
from datetime import datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import gradio as gr
from gradio import blocks, mcp, route_utils, state_holder

from ui.shared import held, photos
from ui.shared.widgets import SESSION_SECONDS


class SmallState(state_holder.SessionState):
    """A session's state, without the settings of every component of the page and the last value it showed.

    Gradio keeps those for links to a page as it stands, which are not served here (see guard.API). They took 0.8 MB and
    50 ms for each session and each call of an endpoint, and with pictures in the page some megabytes more.
    """

    def __init__(self, page: gr.Blocks) -> None:
        no_components: Any = SimpleNamespace(default_config=page.default_config, blocks={})
        super().__init__(no_components)

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


def keep_sessions_small() -> None:
    """From now on every session's state is a SmallState."""
    modules: tuple[ModuleType, ...] = (blocks, mcp, route_utils, state_holder)
    for module in modules:
        module.SessionState = SmallState  # type: ignore[attr-defined]


def living(page: gr.Blocks) -> set[str]:
    """Sessions whose page is open, whose state is kept, and that did something within SESSION_SECONDS."""
    holder = page.state_holder
    since = datetime.now() - timedelta(seconds=SESSION_SECONDS)
    with holder.lock:
        return {
            session
            for session, state in holder.session_data.items()
            if not state.is_closed and holder.time_last_used.get(session, since) > since
        }


def forget_ended(page: gr.Blocks) -> None:
    """Drop the raw evidence and decoded photos of sessions that closed, were pushed out, or are over time."""
    if hasattr(page, "state_holder"):
        there = living(page)
        held.keep_for(there)
        photos.keep_for(there)


LOST = "This page's photos are no longer kept. Reload the page and give the photos again."
CHAIN_SECONDS = 3
"""Events closer than this follow one act of the visitor, who is told once."""
OPENING_SECONDS = 2
_TOLD, _OPENED = "kinsight_told", "kinsight_opened"
"""Attributes of a session's state: when it was told LOST; its page was loaded, and nothing of it was forgotten."""


async def wait_for_opening(page: gr.Blocks, event: Any, state: Any, session: str) -> None:
    """Give the load event of a new page OPENING_SECONDS to arrive: a busy server may get a later event first."""
    end = time.monotonic() + OPENING_SECONDS
    while _needs_opening(event, state, session) and not hasattr(state, _TOLD) and time.monotonic() < end:
        if hasattr(state, _OPENED) or _loading(page, session):
            return
        await asyncio.sleep(0.05)


def _needs_opening(event: Any, state: Any, session: str) -> bool:
    """Is it an event of a page, other than those that open and close it?"""
    private = getattr(event, "api_visibility", "private") == "private"
    return bool(session) and state is not None and private and not _is(event, "load") and not _is(event, "unload")


def check_session(page: gr.Blocks, event: Any, state: Any, session: str) -> None:
    """Let an event of a page pass whose session is there.

    Raises:
        gr.Error: LOST.
    """
    if not session or state is None or getattr(event, "api_visibility", "private") != "private" or _is(event, "unload"):
        return
    if _is(event, "load"):
        setattr(state, _OPENED, True)
    elif state._state_ttl.keys() - state.state_data.keys():  # Gradio has dropped what was over time
        setattr(state, _OPENED, False)
    if not getattr(state, _OPENED, None) and not _loading(page, session):
        new = time.monotonic() - getattr(state, _TOLD, -math.inf) > CHAIN_SECONDS
        setattr(state, _TOLD, time.monotonic())
        raise gr.Error(LOST, duration=None, visible=new, print_exception=False)


def _is(event: Any, kind: str) -> bool:
    """Does it come with this alone? What a change starts too says nothing of the page."""
    return all(target[1] == kind for target in event.targets)


def _loading(page: gr.Blocks, session: str) -> bool:
    """Does a load event of this session still wait or run?"""
    queue = page._queue
    waiting = [queue.event_ids_to_events.get(i) for i in list(queue.pending_event_ids_session.get(session, ()))]
    return any(event is not None and _is(event.fn, "load") for event in waiting)
