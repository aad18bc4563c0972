"""The limits of an allowance, in front of the app: who asks how often, and how large and slow a body may be."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import shutil
import time
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.serve import folder
from ui.serve.allowance import (
    CUT_OFF,
    FULL,
    MB,
    NO_FORM,
    TOO_LARGE,
    TOO_MANY_UPLOADS,
    TOO_SLOW,
    WRONG_PASSWORDS,
    Allowance,
    Client,
    Clients,
    RefusedError,
)
from ui.serve.guard import answer
from ui.serve.owners import UPLOAD

LOGIN = "/login"
RECOUNT = 1.0
"""Seconds between two counts of the folder: strokes in the editor arrive as many small uploads a second."""


class Limits:
    """The ASGI application behind the limits of an Allowance.

    Args:
        app: what is guarded.
        uploads: the folder whose size is limited.
        allowed: the limits.
    """

    def __init__(self, app: ASGIApp, uploads: Path, allowed: Allowance | None = None) -> None:
        self.app, self.uploads, self.allowed = app, uploads, allowed or Allowance()
        self.clients = Clients(self.allowed)
        self._used, self._counted = 0, -math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass the request on."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        upload = scope["path"].rstrip("/") == UPLOAD
        body = _Body(receive, self.allowed.upload_body if upload else self.allowed.body, self.allowed)
        try:
            client = self.clients.count_call((scope.get("client") or ("unknown",))[0])
            if scope["path"].rstrip("/") == LOGIN:
                send = _counting_wrong(client, send)
            if upload:
                await self._upload(client, scope, body, send)
            else:
                await self.app(scope, await self._whole(client, scope, body), send)
        except RefusedError as error:
            await body.drain()
            await answer(scope, send, error.status, error.words)

    async def _upload(self, client: Client, scope: Scope, body: _Body, send: Send) -> None:
        """Pass an upload on piece by piece."""
        if client.uploads >= self.allowed.uploads:
            raise RefusedError(429, TOO_MANY_UPLOADS)
        client.uploads += 1
        try:
            size = _declared(scope, self.allowed.upload_body)
            if await asyncio.to_thread(self._room) < size:
                raise RefusedError(507, FULL)
            self._used += size
            self.clients.count_bytes(client, 0)
            await self.app(scope, self._pieces(client, body), send)
        finally:
            client.uploads -= 1

    def _room(self) -> int:
        """Bytes that may still be written. The folder is counted once a second; between, what was let in is added."""
        if time.monotonic() - self._counted > RECOUNT:
            self._counted, self._used = time.monotonic(), folder.size(self.uploads)
        free = shutil.disk_usage(self.uploads).free - self.allowed.spare
        return min(free, self.allowed.folder_bytes - self._used)

    def _pieces(self, client: Client, body: _Body) -> Receive:
        """`receive` of an upload. What goes wrong is raised as Gradio's parser knows it: it then removes its files."""

        async def receiving() -> Message:
            try:
                message = await body.piece()
                self.clients.count_bytes(client, len(message.get("body", b"")))
            except RefusedError as error:
                raise MultiPartException(error.words) from error
            if message["type"] == "http.disconnect" and not body.ended:
                raise MultiPartException(CUT_OFF)
            return message

        return receiving

    async def _whole(self, client: Client, scope: Scope, body: _Body) -> Receive:
        """The body of a call, read to its end here, as a `receive` that gives it back."""
        _declared(scope, self.allowed.body)
        parts = []
        while not body.ended:
            message = await body.piece()
            if message["type"] == "http.disconnect":
                raise RefusedError(400, CUT_OFF)
            parts.append(message.get("body", b""))
        data = b"".join(parts)
        if scope["path"].startswith(("/gradio_api/queue/join", "/gradio_api/run/", "/gradio_api/api/")):
            self.clients.count_session(client, _session(data))
        if scope["path"].startswith("/gradio_api/component_server"):  # drawings, kept in memory
            self.clients.count_bytes(client, len(data))
            for session in await _sessions(scope, data):
                self.clients.count_session(client, session)
        return _replay(data, body.piece)


class _Body:
    """A request's body, piece by piece, with its limits of size and time."""

    def __init__(self, receive: Receive, most: int, allowed: Allowance) -> None:
        self._receive, self._most, self._pause = receive, most, allowed.pause
        self._until = time.monotonic() + allowed.whole
        self.size, self.ended, self._gone = 0, False, False

    async def piece(self) -> Message:
        """The next message.

        Raises:
            RefusedError: 413, too large; 408, too slow.
        """
        if self.ended:
            return await self._receive()
        left = min(self._pause, self._until - time.monotonic())
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, left))
        except asyncio.TimeoutError as error:
            raise RefusedError(408, TOO_SLOW) from error
        self.size += len(message.get("body", b""))
        if self.size > self._most:
            raise RefusedError(413, TOO_LARGE.format(self._most // MB))
        self.ended = message["type"] == "http.request" and not message.get("more_body", False)
        self._gone = message["type"] == "http.disconnect"
        return message

    async def drain(self) -> None:
        """Read a little of what is still to come: a connection closed with bytes unread would lose the answer."""
        self._pause, self._most = min(self._pause, 1), self.size + MB
        with contextlib.suppress(RefusedError):
            while not self.ended and not self._gone:
                await self.piece()


def _counting_wrong(client: Client, send: Send) -> Send:
    """`send` for a try to log in, which counts unless the password was right.

    Raises:
        RefusedError: 429, too many before.
    """
    if client.logins < 1:
        raise RefusedError(429, WRONG_PASSWORDS)
    client.logins -= 1  # at once: many tries at the same time are many

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            client.logins += 1
        await send(message)

    return sending


def _declared(scope: Scope, most: int) -> int:
    """Content-Length, 0 without one.

    Raises:
        RefusedError: 413, more than `most`.
    """
    text = Headers(scope=scope).get("content-length", "0")
    size = int(text) if text.isascii() and text.isdigit() else math.inf
    if size > most:
        raise RefusedError(413, TOO_LARGE.format(most // MB))
    return int(size)


def _session(body: bytes) -> object:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return sent.get("session_hash") if isinstance(sent, dict) else None


async def _sessions(scope: Scope, body: bytes) -> list[object]:
    """Every session that a call of a component names, as JSON or as a form.

    Raises:
        RefusedError: 400, a form that cannot be read: another reader might find a session in it.
    """
    if not Headers(scope=scope).get("content-type", "").startswith("multipart/form-data"):
        return [_session(body)]
    try:
        async with Request(scope, _replay(body, _nothing)).form() as form:
            return list(form.getlist("session_hash"))
    except (HTTPException, MultiPartException, KeyError) as error:
        raise RefusedError(400, NO_FORM) from error


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already, then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying() -> Message:
        return waiting.pop() if waiting else await receive()

    return replaying
