"""Who uploaded what: a random cookie of the page's visitors, and the owner of each folder of uploads.

A program without the cookie (gradio_client, MCP) owns nothing: for what it uploads, the address alone is the right.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOAD = "/gradio_api/upload"
COOKIE = "kinsight_visitor"
SETTLED = 600
"""Seconds after which a folder that is not on disk is taken for one that went."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def visitor_of(headers: Mapping[str, str]) -> str:
    """sha256 of the cookie that came with a request, hexadecimal; "" without one."""
    token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    return hashlib.sha256(token.encode()).hexdigest() if _TOKEN.fullmatch(token) else ""


def visitor_behind(request: Any) -> str:
    """visitor_of for a request as Gradio hands it on: its own, Starlette's, a list of one, or None."""
    request = request[0] if isinstance(request, list) and request else request
    request = getattr(request, "request", None) or request
    return visitor_of(request.headers) if hasattr(request, "headers") else ""


class Owners:
    """Folder of an upload -> its visitor, for as long as the folder is there.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._of: dict[str, tuple[str, float]] = {}

    def record(self, folder: str, visitor: str) -> None:
        """An upload; nothing is kept of visitors without a cookie."""
        if visitor:
            self._of[folder] = visitor, self._clock()

    def allow(self, folder: str, visitor: str) -> bool:
        """May this visitor have what lies in the folder?"""
        owner = self._of.get(folder)
        return owner is None or secrets.compare_digest(owner[0], visitor)

    def forget_gone(self, uploads: Path) -> None:
        """Drop the records of folders that are no longer in `uploads`."""
        for folder, (_, since) in list(self._of.items()):
            if self._clock() - since > SETTLED and not (uploads / folder).exists():
                self._of.pop(folder, None)

    def __len__(self) -> int:
        return len(self._of)


OWNERS = Owners()
"""Of this process."""


class Visitors:
    """The ASGI application, with a cookie for who opens the page, and a record of who uploads.

    Args:
        app: what is wrapped.
        framed: other sites show the page: a browser then sends the cookie only with SameSite=None, over TLS.
    """

    def __init__(self, app: ASGIApp, framed: bool = False) -> None:
        self.app, self.framed = app, framed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and look at the reply where it matters."""
        if scope["type"] == "http":
            visitor = visitor_of(Headers(scope=scope))
            if scope["method"] == "GET" and scope["path"] == "/" and not visitor:
                send = self._with_cookie(scope, send)
            elif scope["method"] == "POST" and scope["path"].rstrip("/") == UPLOAD and visitor:
                send = _recording(visitor, send)
        await self.app(scope, receive, send)

    def _with_cookie(self, scope: Scope, send: Send) -> Send:
        same_site = "None" if self.framed else "Lax"
        secure = "; Secure" if self.framed or scope.get("scheme") == "https" else ""
        value = f"{COOKIE}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; SameSite={same_site}{secure}"

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("Set-Cookie", value)
                headers["Cache-Control"] = "no-store, private"  # a cache would give two visitors one cookie
            await send(message)

        return sending


def _recording(visitor: str, send: Send) -> Send:
    """`send` that records the folders in a reply, a JSON list of paths, before the client learns of them."""
    parts: list[bytes] = []

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                for path in _listed(b"".join(parts)):
                    OWNERS.record(Path(path).parent.name, visitor)
        await send(message)

    return sending


def _listed(body: bytes) -> list[str]:
    try:
        found = json.loads(body)
    except ValueError:
        return []
    return [path for path in found if isinstance(path, str)] if isinstance(found, list) else []
