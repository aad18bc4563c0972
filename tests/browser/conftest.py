"""The app as people run it, in a process of its own, and a real Chromium in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SLOW = 120_000
"""Milliseconds that one step may take on a busy machine."""

NOT_OURS = ("gradio.exceptions.", "starlette.requests.ClientDisconnect")
"""In a traceback of the log: Gradio's refusals, and a page that was closed in the middle of an upload."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the app ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"no page at {url} after {seconds} s")


@contextmanager
def running_app(tmp_path_factory: pytest.TempPathFactory, **environment: str) -> Iterator[str]:
    """Address of a freshly started app; crashes in its log fail when it ends."""
    port = free_port()
    settings = {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(tmp_path_factory.mktemp("uploads"))}
    settings |= environment
    log = tmp_path_factory.mktemp("log") / "app.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **settings}, stdout=out, stderr=out
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)
    failures = log.read_text().split("Traceback")[1:]
    assert [f for f in failures if not any(word in f for word in NOT_OURS)] == []


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as it is shipped."""
    with running_app(tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium from the system; without it the tests are skipped, in CI they fail."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium on this machine, and CI wants the browser tests")
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        flags += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


def open_tab_named(page: Any, name: str) -> None:
    """By its button, or on a narrow page in the menu behind it, where tabs go that do not fit."""
    page.locator("[role=tablist]").first.wait_for()
    button = page.get_by_role("tab", name=name)
    if not button.count():
        page.get_by_role("button", name="More tabs").first.click()
        button = page.locator(".overflow-dropdown button").filter(has_text=name)
    button.click()


def unfold(page: Any, part: str) -> None:
    """Open a folded part of a page, if it is not open."""
    heading = page.locator(f"#{part} > button.label-wrap")
    if "open" not in str(heading.get_attribute("class")).split():
        heading.click()


def patient(page: Any) -> Any:
    """The page, with a busy machine's patience: what a condition reads may not be there yet."""
    page.set_default_timeout(SLOW)
    wait = page.wait_for_function

    def waiting(condition: str, **options: Any) -> Any:
        tried = f"try {{ return ({condition})(given); }} catch (e) {{ if (!(e instanceof TypeError)) throw e; }}"
        return wait(f"given => {{ {tried} }}", polling=50, **options)  # else at every frame drawn

    page.wait_for_function = waiting
    return page


@pytest.fixture
def open_page(browser: Any, app_url: str) -> Iterator[Callable[..., Any]]:
    """Opens the app in a fresh session and waits for its finished example.

    Afterwards no page may have asked for anything outside this machine, nor have logged an error.
    """
    contexts, requests, errors = [], [], []

    def visit(width: int = 1280, height: int = 900, theme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            accept_downloads=True,
            permissions=["camera"],
            extra_http_headers={"Accept-Encoding": "identity"},  # nothing to gain on one machine
        )
        contexts.append(context)
        page = patient(context.new_page())
        page.on("request", lambda r: requests.append(r.url))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.goto(f"{app_url}?__theme={theme}")
        page.wait_for_selector("#map-verdict .ks-readings")
        return page

    yield visit
    for context in contexts:
        context.close()
    local = (app_url, "data:", "blob:")
    assert requests and [url for url in requests if not url.startswith(local)] == []
    assert errors == []
