"""Events run their networks in turn and for their time, and what ends them is said in words."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from models import running
from models.running import BUSY, at_once, step, task
from tests import coroutines
from ui.serve import launch, uploads
from ui.serve.allowance import FULL
from ui.serve.uploads import GuardedBlocks
from ui.shared.held import SESSION, HeldForSessions, keep_for
from ui.shared.turns import TURNS, Turns
from ui.shared.widgets import GALLERIES, RUNS, VIEWS


@pytest.fixture(autouse=True)
def one_turn() -> Iterator[None]:
    at_once(1)
    yield
    at_once(running.AT_ONCE)


def run(function: Callable[[], Any], options: dict[str, Any] = RUNS) -> Any:
    """An event of the page that does this."""
    with GuardedBlocks() as page:
        gr.Button().click(function, None, gr.Textbox(), **options)
        page.load(lambda: None, api_visibility="private")
    holder = StateHolder()
    holder.set_blocks(page)
    load, event = (page.process_api(page.fns[i], [], state=holder["a"], session_hash="a") for i in (1, 0))
    coroutines.run(load)
    return coroutines.run(event)["data"][0]


def three_steps() -> str:
    for _ in range(3):
        step()
    return "done"


def test_an_event_is_a_task_and_gives_its_turn_back() -> None:
    assert [run(three_steps) for _ in range(2)] == ["done", "done"]
    with task(100, patience=0):
        step()


@pytest.mark.parametrize("options", [RUNS, VIEWS, {"api_name": "said"}])
def test_an_event_beyond_its_time_ends_in_words(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    monkeypatch.setattr(uploads, "TASK_SECONDS", -1)
    with pytest.raises(gr.Error, match="took more than -1 seconds") as caught:
        run(three_steps, options)
    assert not caught.value.print_exception
    assert run(three_steps, GALLERIES) == "done"  # a gallery may take longer


def test_a_view_that_makes_evidence_again_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldForSessions[str](lambda: 1)
    monkeypatch.setattr(uploads, "task", lambda seconds: task(seconds, patience=0))
    with task(100):
        step()  # somebody else has it
        assert run(lambda: "drawn", VIEWS) == "drawn"
        held.get("kept", str)
        with pytest.raises(gr.Error, match=BUSY):
            run(lambda: held.get("gone", str), VIEWS)
        assert run(lambda: held.get("kept", str), VIEWS) == ""


def test_asking_for_other_maps_waits_for_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "task", lambda seconds: task(seconds, patience=0))
    with task(100):
        step()  # somebody else has it
        assert run(lambda: TURNS.begin() or "faded", VIEWS) == "faded"  # type: ignore[func-returns-value]


def test_turns_are_each_sessions_own_and_go_with_it() -> None:
    turns = Turns()
    before, token = turns.watch(), SESSION.set("a")
    try:
        own = turns.watch()
        turns.begin()
        assert own() and not before() and not turns.watch()()
        keep_for({"a", "b"})
        assert len(turns) == 1
        keep_for({"b"})
        assert len(turns) == 0
    finally:
        SESSION.reset(token)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_in_words(code: int) -> None:
    def write() -> None:
        raise OSError(code, "No space left on device")

    with pytest.raises(gr.Error, match=FULL):
        run(write, VIEWS)


def test_other_errors_of_files_are_not_the_users() -> None:
    def write() -> None:
        raise OSError(errno.EIO, "broken")

    with pytest.raises(OSError, match="broken"):
        run(write, VIEWS)


@pytest.mark.parametrize(("given", "number"), [("1", 1), ("16", 16)])
def test_kinsight_parallel(monkeypatch: pytest.MonkeyPatch, given: str, number: int) -> None:
    monkeypatch.setenv("KINSIGHT_PARALLEL", given)
    assert launch.parallel() == number
    monkeypatch.delenv("KINSIGHT_PARALLEL")
    assert launch.parallel() == running.AT_ONCE


@pytest.mark.parametrize("given", ["0", "-1", "two", "", "1.5"])
def test_kinsight_parallel_is_no_number(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("KINSIGHT_PARALLEL", given)
    with pytest.raises(SystemExit, match="KINSIGHT_PARALLEL must be a number"):
        launch.parallel()
