"""KINSIGHT_USERS: without its password nobody gets at anything, and nobody tries many passwords."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest

from tests.browser.conftest import free_port
from ui.serve import allowance
from ui.serve.folder import PrivateFolder
from ui.serve.launch import LOGIN_NOTE, options
from ui.serve.uploads import GuardedBlocks


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small page, served as the app is, with two users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("served")))
        patch.setenv("KINSIGHT_USERS", "ann:secret, bob:a:b")
        folder = PrivateFolder()
        with GuardedBlocks(analytics_enabled=False) as page:
            secret = gr.Textbox(label="only for users")
            gr.Button().click(lambda t: t, secret, secret, api_name="said", api_visibility="public")
        page.queue(api_open=False)
        page.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True, **options(folder))
        yield page.local_url
        page.close()
        folder.remove()


def client(url: str, address: str) -> httpx.Client:
    """One that comes from an address of its own: tries to log in are counted by it."""
    return httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address=address), timeout=60)


def login(http: httpx.Client, name: str, password: str) -> httpx.Response:
    return http.post("/login", data={"username": name, "password": password})


def asked(http: httpx.Client, photo: str) -> dict[str, int]:
    """What to ask for -> the status of the reply."""
    call = {"data": ["x"]}
    return {
        "config": http.get("/config").status_code,
        "info": http.get("/gradio_api/info").status_code,
        "upload": http.post("/gradio_api/upload", files={"files": ("a.jpg", b"1")}).status_code,
        "file": http.get("/gradio_api/file=" + photo).status_code,
        "endpoint": http.post("/gradio_api/call/said", json=call).status_code,
        "event": http.post("/gradio_api/queue/join", json={**call, "fn_index": 0, "session_hash": "s"}).status_code,
    }


def test_only_the_right_password_opens_anything(url: str) -> None:
    user, stranger = client(url, "127.0.0.2"), client(url, "127.0.0.3")
    assert login(user, "bob", "a:b").status_code == 200
    (photo,) = user.post("/gradio_api/upload", files={"files": ("a.jpg", b"1")}).json()
    assert Path(photo).exists() and set(asked(user, photo).values()) == {200}
    for name, password in (("ann", "wrong"), ("ann", ""), ("ann", "a:b"), ("eve", "secret"), ("", "")):
        assert login(stranger, name, password).status_code in (400, 422)
        assert set(asked(stranger, photo).values()) == {401}
    page = stranger.get("/").text
    assert LOGIN_NOTE in page and '"components":[]' in page
    assert login(stranger, "ann", "secret").status_code == 200 and set(asked(stranger, photo).values()) == {200}


def test_tools_are_off(url: str) -> None:
    user = client(url, "127.0.0.4")
    login(user, "ann", "secret")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for http in (user, client(url, "127.0.0.5")):
        assert http.post("/gradio_api/mcp/", json=call).status_code in (404, 405)


def test_passwords_are_not_tried_out(url: str) -> None:
    thief = client(url, "127.0.0.6")
    statuses = [login(thief, "ann", f"{i}").status_code for i in range(12)]
    assert statuses == [400] * 10 + [429] * 2
    assert login(thief, "ann", "secret").json() == {"detail": allowance.WRONG_PASSWORDS}
    assert set(asked(thief, "/x").values()) == {401, 403}
    assert login(client(url, "127.0.0.7"), "ann", "secret").status_code == 200
