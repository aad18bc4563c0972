"""What one client may ask for: requests, uploads at a time, bytes, sessions; and how large and slow a body may be.

A client is the address of its connection. Behind a reverse proxy that is the proxy's, unless KINSIGHT_PROXY names it:
then X-Forwarded-For counts (see launch.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.serve import folder
from ui.serve.guard import answer
from ui.serve.owners import UPLOAD

MB = 1_000_000
SLOW_DOWN = "Too many requests from your address. Please wait a few seconds and try again."
TOO_MANY_SESSIONS = "Too many pages are open from your address. Please close some and try again in an hour."
TOO_MANY_UPLOADS = "Too many uploads at once from your address. Please wait until the others are done."
YOUR_SHARE = "Your address has uploaded as much as it may. Please try again in an hour."
FULL = "There is no room for more uploads at the moment. Please try again later."
TOO_LARGE = "File size exceeded maximum allowed size of {} MB in one request."
TOO_SLOW = "The request came too slowly and was given up. Please try again."
CUT_OFF = "The upload was cut off."


@dataclass(frozen=True)
class Allowance:
    """What is allowed; times in seconds, sizes in bytes.

    Attributes:
        rate, burst: calls (POST) of a client: how many a second in the long run, how many at once.
        uploads: of a client at the same time.
        client_bytes: that a client may send in an hour.
        folder_bytes: of all clients on disk.
        spare: that stay free on the disk.
        sessions: new ones of a client in an hour.
        body, upload_body: of one request.
        pause: between two pieces of a body.
        whole: from a body's first piece to its last.
    """

    rate: float = 30
    burst: float = 300
    uploads: int = 8
    client_bytes: int = 2000 * MB
    folder_bytes: int = 8000 * MB
    spare: int = 200 * MB
    sessions: int = 60
    body: int = 16 * MB
    upload_body: int = 1000 * MB
    pause: float = 20
    whole: float = 300


class RefusedError(Exception):
    """A request that goes no further: its status and its words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


@dataclass
class Client:
    """What one address did lately."""

    calls: float
    at: float
    hour: float
    uploads: int = 0
    sent: int = 0
    sessions: set[str] = field(default_factory=set)


class Clients:
    """All addresses, the least recent forgotten when there are more than `most`."""

    def __init__(self, allowed: Allowance, clock: Callable[[], float] = time.monotonic, most: int = 10_000) -> None:
        self.allowed, self._clock, self._most = allowed, clock, most
        self._known: OrderedDict[str, Client] = OrderedDict()

    def __getitem__(self, address: str) -> Client:
        now = self._clock()
        client = self._known.setdefault(address, Client(self.allowed.burst, now, now))
        self._known.move_to_end(address)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        client.calls = min(self.allowed.burst, client.calls + (now - client.at) * self.allowed.rate)
        client.at = now
        if now - client.hour > 3600:
            client.hour, client.sent, client.sessions = now, 0, set()
        return client

    def count_call(self, address: str) -> Client:
        """One more call.

        Raises:
            RefusedError: 429, too many.
        """
        client = self[address]
        if client.calls < 1:
            raise RefusedError(429, SLOW_DOWN)
        client.calls -= 1
        return client

    def count_session(self, client: Client, session: object) -> None:
        """A call of this session.

        Raises:
            RefusedError: 429, too many new ones.
        """
        if not isinstance(session, str) or session in client.sessions:
            return
        if len(client.sessions) >= self.allowed.sessions:
            raise RefusedError(429, TOO_MANY_SESSIONS)
        client.sessions.add(session)

    def count_bytes(self, client: Client, number: int) -> None:
        """So many bytes more of uploads.

        Raises:
            RefusedError: 429, too many.
        """
        client.sent += number
        if client.sent > self.allowed.client_bytes:
            raise RefusedError(429, YOUR_SHARE)


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass the request on."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        upload = scope["path"].rstrip("/") == UPLOAD
        body = _Body(receive, self.allowed.upload_body if upload else self.allowed.body, self.allowed)
        try:
            client = self.clients.count_call((scope.get("client") or ("unknown",))[0])
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
            self.clients.count_bytes(client, 0)
            await self.app(scope, self._pieces(client, body), send)
        finally:
            client.uploads -= 1

    def _room(self) -> int:
        """Bytes that may still be written."""
        free = shutil.disk_usage(self.uploads).free - self.allowed.spare
        return min(free, self.allowed.folder_bytes - folder.size(self.uploads))

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


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already, then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying() -> Message:
        return waiting.pop() if waiting else await receive()

    return replaying
