"""Who may ask for what, before Gradio sees the request: hosts, origins, routes, addresses of files, headers."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.serve.owners import visitor_of
from ui.serve.paths import FILE_ROUTE, REFUSED, NotUploadedError, uploaded

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
PAGES = ("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json", "/login", "/logout")
FOLDERS = ("/assets/", "/static/", "/svelte/", "/pwa_icon")
API = (
    *("info", "openapi.json", "theme.css", "startup-events", "app_id", "heartbeat", "user", "token", "login_check"),
    *("queue", "call", "run", "api", "reset", "cancel", "upload", "upload_progress", "component_server", "mcp"),
)
"""What the page, gradio_client and MCP use of /gradio_api/. The rest of Gradio (proxy, recording, editing) is shut."""
FRAME = re.compile(r"/gradio_api/stream/[0-9a-f]{32}(/close)?/?")
"""Where a camera's next frame goes, to an event that was joined as any other. What plays a stream back is shut."""
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors "
)
"""Gradio writes its settings into the page and makes functions of `js=`: inline scripts and eval cannot be shut out.
What a script could do is: nothing leaves for another server."""


async def answer(scope: Scope, send: Send, status: int, words: str) -> None:
    """Reply with a sentence, in the form of Gradio's own refusals."""
    body = json.dumps({"detail": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class Guard:
    """The ASGI application behind the checks of this module.

    Args:
        app: what is guarded.
        hosts: names it is served under; addresses (no names) are allowed anyway: nobody can rebind them.
        frames: sites that may show the page in a frame; without any, none may.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), frames: Iterable[str] = ()) -> None:
        self.app, self.hosts, self.frames = app, LOCAL | {h.lower() for h in hosts}, tuple(frames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass the request on and add headers to the reply."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            send = self._with_headers(scope["path"], send)
            refusal = self._refusal(scope)
            if refusal:
                await answer(scope, send, *refusal)
            else:
                await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = _name("//" + headers.get("host", ""))
        if host not in self.hosts and not _is_address(host):
            return 421, "This name is not served here. The server's KINSIGHT_HOSTS lists the names that are."
        origin = headers.get("origin")
        if origin and scope["method"] not in ("GET", "HEAD") and _name(origin) not in self.hosts | {host}:
            return 403, "Pages of other sites may not send anything here."
        if scope["path"].startswith(FILE_ROUTE):
            return _refused_file(scope["path"][len(FILE_ROUTE) :], visitor_of(headers))
        frame = scope["method"] == "POST" and FRAME.fullmatch(scope["path"])
        return None if frame or _served(scope["path"]) else (404, "There is nothing here.")

    def _with_headers(self, path: str, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY + (" ".join(self.frames) or "'none'")
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                if not self.frames:
                    headers["X-Frame-Options"] = "DENY"
                if path.startswith("/gradio_api/"):
                    headers["Cache-Control"] = "no-store, private"
            await send(message)

        return sending


def _name(address: str) -> str | None:
    """The host in a URL, lower case; None when there is none."""
    try:
        return urlsplit(address).hostname or None
    except ValueError:
        return None


def _is_address(host: str | None) -> bool:
    try:
        return bool(ipaddress.ip_address(host or ""))
    except ValueError:
        return False


def _served(path: str) -> bool:
    if path.startswith("/gradio_api/"):
        return path.split("/")[2] in API
    return path in PAGES or (path.rstrip("/") in PAGES) or path.startswith(FOLDERS)


def _refused_file(path: str, visitor: str) -> tuple[int, str] | None:
    try:
        uploaded(path, visitor)
    except NotUploadedError:
        return 403, REFUSED
    return None
