"""Names, origins, routes and headers."""

from __future__ import annotations

from typing import Any

import pytest

from tests import coroutines
from tests.ui.serve.asgi import Reply, ok, request
from ui.serve.guard import Guard


def ask(path: str = "/", hosts: tuple[str, ...] = (), frames: tuple[str, ...] = (), **more: Any) -> Reply:
    return coroutines.run(request(Guard(ok, hosts, frames), path, **more))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7860", 200),
        ("LocalHost", 200),
        ("[::1]:80", 200),
        ("192.168.1.7:7860", 200),
        ("faces.example.org", 200),
        ("evil.example", 421),
        ("faces.example.org.evil.example", 421),
        ("127.0.0.1.evil.example:7860", 421),
        ("", 421),
        ("[", 421),
    ],
)
def test_only_names_of_the_server_are_answered(host: str, status: int) -> None:
    """A page whose name was pointed at this machine afterwards is not answered, for MCP neither."""
    for path in ("/", "/gradio_api/mcp/"):
        assert ask(path, ("Faces.example.org",), headers={"host": host}).status == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:7860", 200),
        ("https://faces.example.org", 200),
        ("http://evil.example", 403),
        ("http://6.6.6.6", 403),
        ("null", 403),
    ],
)
def test_other_sites_send_nothing(origin: str, status: int) -> None:
    headers = {"origin": origin}
    assert ask("/gradio_api/upload", ("faces.example.org",), method="POST", headers=headers).status == status
    assert ask("/", headers=headers).status == 200  # a link to the app


def test_an_address_is_its_own_origin() -> None:
    headers = {"host": "192.168.1.7:7860", "origin": "http://192.168.1.7:7860"}
    assert ask("/gradio_api/upload", method="POST", headers=headers).status == 200
    headers["origin"] = "http://192.168.1.8:7860"
    assert ask("/gradio_api/upload", method="POST", headers=headers).status == 403


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/assets/a.js", "/config", "/login/", "/gradio_api/mcp/"])
def test_what_the_page_uses_is_served(path: str) -> None:
    assert ask(path).status == 200


@pytest.mark.parametrize("path", ["/gradio_api/proxy=x", "/gradio_api/", "/monitoring/key", "/docs", "/configs"])
def test_the_rest_is_not(path: str) -> None:
    assert ask(path).status == 404


def test_a_camera_s_frames_pass_and_nothing_else_of_streams() -> None:
    event = "/gradio_api/stream/" + "0a" * 16
    for path in (event, f"{event}/close"):
        assert ask(path, method="POST").status == 200 and ask(path).status == 404
    for path in (f"{event}/1/2/playlist.m3u8", "/gradio_api/stream/x", "/gradio_api/stream/"):
        assert ask(path, method="POST").status == 404 and ask(path).status == 404
    headers = {"origin": "http://evil.example"}
    assert ask(event, method="POST", headers=headers).status == 403


def test_headers_stand_on_every_reply() -> None:
    for reply in (ask(), ask("/nothing"), ask(headers={"host": "evil.example"}), ask("/gradio_api/file=/etc/passwd")):
        assert reply.headers["x-frame-options"] == "DENY" and reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        policy = reply.headers["content-security-policy"]
        assert "default-src 'self'" in policy and policy.endswith("frame-ancestors 'none'")


def test_only_the_api_is_kept_out_of_caches() -> None:
    assert ask("/gradio_api/info").headers["cache-control"] == "no-store, private"
    assert ask("/assets/a.js").headers["cache-control"] == "public"


def test_frames_of_named_sites_are_allowed() -> None:
    headers = ask(frames=("https://huggingface.co",)).headers
    assert headers["content-security-policy"].endswith("frame-ancestors https://huggingface.co")
    assert "x-frame-options" not in headers
