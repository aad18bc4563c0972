"""What a session and freed memory leave behind in a process that serves for weeks."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio import blocks, mcp, route_utils, state_holder

from tests import coroutines
from ui.serve import launch
from ui.serve.heap import Holes, resident
from ui.serve.sessions import SmallState
from ui.serve.uploads import GuardedBlocks

MB = 1_000_000
SHOWN = 3 * MB
"""Bytes of a picture that is part of the page."""


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> GuardedBlocks:
    for module in (blocks, mcp, route_utils, state_holder):  # restored when the test ends
        monkeypatch.setattr(module, "SessionState", module.SessionState)  # type: ignore[attr-defined]
    with GuardedBlocks() as page:
        choice, shown = gr.Dropdown(["old"], value="old"), gr.HTML()
        for i in range(300):
            gr.Textbox(label=f"box {i}")
        gr.Button().click(lambda: gr.update(choices=["new"]), None, choice, api_visibility="private")
        gr.Button().click(lambda c: c + SHOWN * "x", choice, shown, api_visibility="private")
        page.load(lambda: None, api_visibility="private")
    page.launch(prevent_thread_lock=True, quiet=True, run_history=False, _frontend=False)
    page.close(verbose=False)
    return page


def ask(page: GuardedBlocks, session: str, event: int, inputs: list[Any]) -> str:
    state = page.state_holder[session]
    found = coroutines.run(page.process_api(page.fns[event], inputs, state=state, session_hash=session))
    return str(found["data"][0]) if found["data"] else ""


def test_a_session_keeps_what_its_page_needs_and_none_of_what_it_showed(page: GuardedBlocks) -> None:
    assert ask(page, "first", 2, []) == "" and isinstance(page.state_holder["first"], SmallState)
    tracemalloc.start()
    try:
        before = traced()
        for number in range(10):
            ask(page, f"page{number}", 2, [])
            ask(page, f"page{number}", 0, [])
            assert len(ask(page, f"page{number}", 1, ["new"])) == SHOWN + 3  # a choice that this page alone has
        assert (traced() - before) / 10 < 0.1 * MB
    finally:
        tracemalloc.stop()
    ask(page, "other", 2, [])
    with pytest.raises(gr.Error, match="new"):
        ask(page, "other", 1, ["new"])


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_holes_in_the_heap_go_back_to_the_system(
    page: GuardedBlocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Freed memory between small values that stay, as a network's layers leave it; little of it is left alone."""
    monkeypatch.setattr(launch, "SWEEP_SECONDS", 0.02)
    monkeypatch.setattr(launch, "HOLES_SECONDS", 0.01)
    holes, folder = Holes(), SimpleNamespace(uploads=tmp_path)

    def left(number: int) -> float:
        """Of so many holes: how much is resident after a round, MB over what was."""
        launch.tend(page, folder, holes)  # type: ignore[arg-type]
        before, large = resident(), []
        for _ in range(number):
            large.append(b"x" * 60_000)
            stay.append(bytes(1000))
        large.clear()
        assert resident() - before > number * 0.05 * MB  # glibc returns nothing by itself
        launch.tend(page, folder, holes)  # type: ignore[arg-type]
        return (resident() - before) / MB

    stay: list[bytes] = []
    assert left(1000) > 50
    assert left(8000) < 100
