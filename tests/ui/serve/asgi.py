"""One request to an ASGI application, without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def words(self) -> str:
        return json.loads(self.body)["detail"]


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads the whole body and gives it back."""
    body, more = b"", scope["method"] == "POST"
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})
    await send({"type": "http.response.body", "body": body})


async def request(
    app: ASGIApp,
    path: str = "/",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: Sequence[bytes] = (b"",),
    client: str = "10.0.0.1",
    pause: float = 0,
) -> Reply:
    """Send one request; `pause` seconds before each piece of the body after the first."""
    sent = {"host": "localhost:7860", **(headers or {})}
    raw = [(k.encode(), v.encode()) for k, v in sent.items()]
    scope: dict[str, Any] = {"type": "http", "path": path, "method": method, "headers": raw, "client": (client, 1)}
    pieces, out = list(body), []

    async def receive() -> Message:
        if not pieces:
            return {"type": "http.disconnect"}
        if len(pieces) < len(body):
            await asyncio.sleep(pause)
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        out.append(message)

    await app(scope, receive, send)
    start, *rest = out
    return Reply(
        start["status"],
        {k.decode().lower(): v.decode() for k, v in start["headers"]},
        b"".join(m.get("body", b"") for m in rest),
    )
