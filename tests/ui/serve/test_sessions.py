"""What is held for a session goes with it: page closed, pushed out, or over time."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio import state_holder
from gradio.state_holder import StateHolder
from PIL import Image

from tests import coroutines
from ui.serve import sessions
from ui.serve.sessions import LOST, forget_ended
from ui.serve.uploads import QUEUE_FULL, GuardedBlocks
from ui.shared import photos
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
        page.load(lambda: None, api_visibility="private")
        gr.on([text.change, page.load], lambda t: None, text, None, api_visibility="private")
    return page


LOAD, BOTH = 3, 4


def begin(page: GuardedBlocks, session: str, load: int = LOAD) -> None:
    """What a page does first."""
    ask(page, session, "", load)


def holder_of(page: GuardedBlocks, capacity: int = 10, begun: bool = True) -> StateHolder:
    """Where sessions are kept; with `begun` those of "a" and "b" have had their load events."""
    page.state_session_capacity = capacity
    holder = StateHolder()
    holder.set_blocks(page)
    for session in "ab" if begun else "":
        begin(page, session)
    return holder


def ask(page: GuardedBlocks, session: str, key: str, event: int = 0) -> None:
    state = page.state_holder[session]
    inputs = [key] * len(page.fns[event].inputs)
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
    holder_of(page, capacity=1, begun=False)
    for session, key in (("a", "one"), ("b", "two")):
        begin(page, session)
        ask(page, session, key)
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


READ, READ_BY_PROGRAM = 0, 1


def photo_page() -> GuardedBlocks:
    """Reads the photo of a path, on a page and as an endpoint."""
    with GuardedBlocks() as page:
        path = gr.Textbox()
        gr.Button().click(lambda p: photos.read(p) and p, path, path, api_visibility="private")
        gr.Button().click(lambda p: photos.read(p) and p, path, path, api_name="read", api_visibility="public")
        page.load(lambda: None, api_visibility="private")
    return page


def decoded() -> list[str]:
    """Names of the photos here whose pixels are in memory; the app's own examples may be there too."""
    return [Path(path).name for path, _ in photos._KEPT if path.endswith(".png")]


def test_decoded_photos_go_with_their_session_and_their_file(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    page = photo_page()
    holder = holder_of(page, begun=False)
    for session in "ab":
        begin(page, session, 2)
    ask(page, "a", str(tmp_path / "one.png"), READ)
    ask(page, "b", str(tmp_path / "two.png"), READ)
    assert decoded() == ["one.png", "two.png"]
    holder.time_last_used["a"] = datetime.now() - timedelta(seconds=SESSION_SECONDS + 1)
    forget_ended(page)
    assert decoded() == ["two.png"]
    (tmp_path / "two.png").unlink()
    forget_ended(page)
    assert decoded() == []


def test_decoded_photos_of_an_endpoint_go_with_its_call(tmp_path: Path) -> None:
    path = str(tmp_path / "one.png")
    Image.new("RGB", (40, 40)).save(path)
    page = photo_page()
    holder_of(page, begun=False)
    ask(page, "program", path, READ_BY_PROGRAM)
    assert decoded() == []
    tool = page.process_api(page.fns[READ_BY_PROGRAM], [path], state=state_holder.SessionState(page))  # as MCP asks
    assert coroutines.run(tool)["data"] == [path] and decoded() == []


def refused(page: GuardedBlocks, session: str, event: int = 0) -> gr.Error:
    with pytest.raises(gr.Error, match=LOST) as caught:
        ask(page, session, "x", event)
    return caught.value


def test_a_page_whose_session_went_is_told_to_reload(page: GuardedBlocks) -> None:
    holder = holder_of(page, begun=False)
    said = refused(page, "restarted")
    assert said.visible and said.duration is None and not said.print_exception
    assert not refused(page, "restarted").visible  # the next step of a chain
    begin(page, "a")
    ask(page, "a", "x")
    holder.session_data.pop("a")
    refused(page, "a")
    refused(page, "a", BOTH)  # a change may have started it
    refused(page, "a")
    begin(page, "a")
    ask(page, "a", "x")


def test_a_page_whose_photos_are_over_time_is_told_to_reload(page: GuardedBlocks) -> None:
    holder = holder_of(page, begun=False)
    begin(page, "a")
    ask(page, "a", "x")
    state = holder["a"]
    (component,) = state.state_data
    state._state_ttl[component] = (10, datetime.now() - timedelta(seconds=9))
    holder.delete_all_expired_state()
    ask(page, "a", "y")
    state._state_ttl[component] = (10, datetime.now() - timedelta(seconds=11))
    holder.delete_all_expired_state()
    for _ in range(2):
        refused(page, "a")


def test_events_beside_a_load_that_still_waits_pass(page: GuardedBlocks) -> None:
    holder_of(page, begun=False)
    queue = page._queue
    queue.event_ids_to_events["1"] = SimpleNamespace(fn=page.fns[LOAD])  # type: ignore[assignment]
    queue.pending_event_ids_session["a"] = {"1"}
    ask(page, "a", "x")
    refused(page, "b")


def test_endpoints_and_closing_need_no_page(page: GuardedBlocks) -> None:
    holder_of(page, begun=False)
    ask(page, "program", "x", 1)
    ask(page, "gone", "", 2)


def test_a_full_queue_is_said_in_words(page: GuardedBlocks) -> None:
    holder_of(page)
    page.queue(max_size=0)
    body = SimpleNamespace(fn_index=0)
    assert coroutines.run(page._queue.push(body, None, None)) == (False, QUEUE_FULL, "queue_full")  # type: ignore[arg-type]
    none = SimpleNamespace(fn_index=None)
    assert coroutines.run(page._queue.push(none, None, None))[2] == "error"  # type: ignore[arg-type]


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
    load = {"fn_index": LOAD, "data": [], "session_hash": "a"}
    with httpx.stream("GET", f"{served}heartbeat/a"):
        for event in (load, body):
            assert httpx.post(f"{served}queue/join", json=event).status_code == 200
        wait_for(held, ["own"])
        time.sleep(0.2)
        assert kept(held) == ["own"]
    wait_for(held, [])


def wait_for(held: HeldForSessions[str], wanted: list[str]) -> None:
    end = time.monotonic() + 10
    while kept(held) != wanted:
        assert time.monotonic() < end, kept(held)
        time.sleep(0.02)


def test_an_event_that_comes_before_the_load_of_its_page_waits_for_it() -> None:
    """On a busy server the order of the first events is not sure; a page that was just opened is not lost."""
    event, state = SimpleNamespace(targets=[(1, "change")], api_visibility="private"), SimpleNamespace()
    page = SimpleNamespace(_queue=SimpleNamespace(event_ids_to_events={}, pending_event_ids_session={}))

    async def late() -> float:
        asyncio.get_running_loop().call_later(0.2, lambda: setattr(state, "kinsight_opened", True))
        begun = time.monotonic()
        await sessions.wait_for_opening(page, event, state, "s")
        return time.monotonic() - begun

    assert 0.15 < coroutines.run(late()) < 1.5


def test_a_page_without_a_load_waits_no_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "OPENING_SECONDS", 0.2)
    event, state = SimpleNamespace(targets=[(1, "change")], api_visibility="private"), SimpleNamespace()
    page = SimpleNamespace(_queue=SimpleNamespace(event_ids_to_events={}, pending_event_ids_session={}))
    coroutines.run(sessions.wait_for_opening(page, event, state, "s"))
    assert not hasattr(state, "kinsight_opened")
