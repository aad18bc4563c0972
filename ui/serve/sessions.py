"""Which sessions are there, and what goes with those that ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import gradio as gr

from ui.shared.held import keep_for
from ui.shared.widgets import SESSION_SECONDS


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
    """Drop the raw evidence of sessions that closed, were pushed out, or are over time."""
    if hasattr(page, "state_holder"):
        keep_for(living(page))
