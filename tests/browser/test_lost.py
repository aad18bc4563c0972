"""A page whose session is gone says so, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from tests.browser.conftest import free_port, patient
from ui.serve.sessions import LOST
from ui.serve.uploads import GuardedBlocks

pytestmark = pytest.mark.browser


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedBlocks]:
    """A page that remembers something: what the app needs seconds to build is not asked here."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with GuardedBlocks(analytics_enabled=False) as page:
        kept, said = gr.State("photo"), gr.HTML("new", elem_id="said")
        page.load(lambda: "loaded", None, said, api_visibility="private")
        press = gr.Button("Press", elem_id="press")
        first = press.click(lambda k: (k, "pressed"), kept, [kept, said], api_visibility="private")
        first.then(lambda k: k, kept, kept, api_visibility="private")
    page.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True, run_history=False)
    yield page
    page.close()


def test_a_lost_session_is_said_once_and_reloading_helps(browser: Any, small: GuardedBlocks) -> None:
    context = browser.new_context()
    page = patient(context.new_page())
    page.goto(small.local_url)
    said, toast = page.locator("#said"), page.locator(".toast-wrap")
    said.get_by_text("loaded").wait_for()
    page.locator("#press").click()
    said.get_by_text("pressed").wait_for()
    small.state_holder.session_data.clear()  # as after a restart
    page.locator("#press").click()
    toast.get_by_text(LOST).wait_for()
    page.wait_for_timeout(500)
    assert toast.inner_text().count(LOST) == 1 and "Reload the page" in LOST
    page.reload()
    said.get_by_text("loaded").wait_for()
    page.locator("#press").click()
    said.get_by_text("pressed").wait_for()
    assert toast.get_by_text(LOST).count() == 0
    context.close()
