"""How the page's events behave when they come faster than they are answered."""

from __future__ import annotations

import app

MAKE_FILES = {"make_report", "make_csv", "animate"}


def test_an_event_during_its_own_step_is_not_lost() -> None:
    """Gradio drops it ("once") unless told otherwise: the picker then shows another model than the answer's."""
    steps = [d for d in app.build().config["dependencies"] if d["backend_fn"] and d["api_visibility"] == "private"]
    dropped = {d["api_name"].rstrip("_0123456789") for d in steps if d["trigger_mode"] != "always_last"}
    assert len(steps) > 500 and dropped == MAKE_FILES | {"forget", "frame"}  # when a page is closed; of a camera
