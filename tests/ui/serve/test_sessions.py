"""What is held for a session goes with it: page closed, pushed out, or over time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.state_holder import StateHolder

from tests import coroutines
from ui.serve.sessions import forget_ended
from ui.serve.uploads import GuardedBlocks
from ui.shared.held import HeldForSessions
from ui.shared.widgets import SESSION_SECONDS


@pytest.fixture
def held() -> HeldForSessions[str]:
    return HeldForSessions(lambda: 3)


@pytest.fixture
def page(held: HeldForSessions[str]) -> GuardedBlocks:
    with GuardedBlocks() as page:
        state, text = gr.State(None), gr.Textbox()
        gr.Button().click(lambda t: held.get(t, str) and t, text, state, api_visibility="private")
        gr.Button().click(lambda t: held.get(t, str), text, text, api_name="said", api_visibility="public")
        page.unload(lambda: None)
    return page


def holder_of(page: GuardedBlocks, capacity: int = 10) -> StateHolder:
    page.state_session_capacity = capacity
    holder = StateHolder()
    holder.set_blocks(page)
    return holder


def ask(page: GuardedBlocks, session: str, key: str, event: int = 0) -> None:
    state = page.state_holder[session]
    inputs = [key] if event < 2 else []
    coroutines.run(page.process_api(page.fns[event], inputs, state=state, session_hash=session))


def kept(held: HeldForSessions[str]) -> list[Any]:
    return held.keys()


def test_it_goes_with_the_last_page_that_asked(page: GuardedBlocks, held: HeldForSessions[str]) -> None:
    holder = holder_of(page)
    held.get("example", str)
    for session, key in (("a", "own"), ("a", "both"), ("b", "both")):
        ask(page, session, key)
    holder["a"].is_closed = True
    ask(page, "a", "", 2)
    assert kept(held) == ["example", "both"]
    ask(page, "b", "example")
    holder["b"].is_closed = True
    ask(page, "b", "", 2)
    assert kept(held) == ["example"]


def test_a_task_that_ends_after_its_page_leaves_nothing(page: GuardedBlocks, held: HeldForSessions[str]) -> None:
    holder_of(page)["a"].is_closed = True
    ask(page, "a", "late")
    assert kept(held) == []


def test_it_goes_with_a_session_that_is_pushed_out(page: GuardedBlocks, held: HeldForSessions[str]) -> None:
    holder_of(page, capacity=1)
    ask(page, "a", "one")
    ask(page, "b", "two")
    assert kept(held) == ["two"]


def test_it_goes_after_its_time(page: GuardedBlocks, held: HeldForSessions[str]) -> None:
    holder = holder_of(page)
    ask(page, "a", "one")
    forget_ended(page)
    assert kept(held) == ["one"]
    holder.time_last_used["a"] = datetime.now() - timedelta(seconds=SESSION_SECONDS + 1)
    forget_ended(page)
    assert kept(held) == []


def test_an_endpoint_leaves_nothing(page: GuardedBlocks, held: HeldForSessions[str]) -> None:
    holder_of(page)
    ask(page, "program", "one", 1)
    assert kept(held) == []


def test_there_are_never_more_than_the_bound(page: GuardedBlocks, held: HeldForSessions[str]) -> None:
    holder_of(page)
    for key in "abcde":
        ask(page, "a", key)
    assert kept(held) == ["c", "d", "e"]


@pytest.fixture
def served(page: GuardedBlocks) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page.launch(server_port=port, prevent_thread_lock=True, quiet=True, run_history=False)
    yield f"http://127.0.0.1:{port}/gradio_api/"
    page.close()


def test_closing_a_real_page_is_enough(served: str, held: HeldForSessions[str]) -> None:
    """A browser holds the heartbeat open for as long as the page is there."""
    body = {"fn_index": 0, "data": ["own"], "session_hash": "a"}
    with httpx.stream("GET", f"{served}heartbeat/a"):
        assert httpx.post(f"{served}queue/join", json=body).status_code == 200
        wait_for(held, ["own"])
        time.sleep(0.2)
        assert kept(held) == ["own"]
    wait_for(held, [])


def wait_for(held: HeldForSessions[str], wanted: list[str]) -> None:
    end = time.monotonic() + 10
    while kept(held) != wanted:
        assert time.monotonic() < end, kept(held)
        time.sleep(0.02)
