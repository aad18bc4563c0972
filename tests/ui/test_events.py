"""How the page's events behave when they come faster than they are answered."""

from __future__ import annotations

from collections import Counter

import app

CHAINS = {"answer_pair", "explain_pair", "answer_family", "find", "begin", "fresh", "explain", "run", "check"}
"""Steps that many events lead to."""
MAKE_FILES = {"make_report", "make_csv", "animate"}


AT_MOST = 680
"""Steps of all tabs. A page compares each of them with each of its 750 components before it can be used."""


def test_steps_that_follow_several_events_are_laid_out_once() -> None:
    steps = app.build().config["dependencies"]
    assert len(steps) <= AT_MOST
    targets = Counter(
        (d["api_name"].rstrip("_0123456789"), *d["inputs"], *d["outputs"])
        for d in steps
        if d["api_name"] and d["api_name"].rstrip("_0123456789") in CHAINS
    )
    assert len({name for name, *_ in targets}) == len(CHAINS) and set(targets.values()) == {1}


def test_an_event_during_its_own_step_is_not_lost() -> None:
    """Gradio drops it ("once") unless told otherwise: the picker then shows another model than the answer's."""
    steps = [d for d in app.build().config["dependencies"] if d["backend_fn"] and d["api_visibility"] == "private"]
    dropped = {d["api_name"].rstrip("_0123456789") for d in steps if d["trigger_mode"] != "always_last"}
    assert len(steps) > 300 and dropped == MAKE_FILES | {"forget", "frame"}  # when a page is closed; of a camera


def test_changes_of_a_picture_are_noticed_one_after_the_other() -> None:
    """Gradio tells twice of an upload; side by side neither would see the other, and the photo would be taken twice."""
    notices = [fn for fn in app.build().fns.values() if str(fn.api_name).rstrip("_0123456789") == "notice"]
    assert len(notices) > 5 and {(fn.concurrency_id, fn.concurrency_limit) for fn in notices} == {("notice", 1)}
