"""A visitor from an address of its own: uploads, calls of endpoints, a session of the page; what became of each."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from PIL import Image

from benchmarks.hostile.running import ROOT

EXAMPLES = ("obama_2012.jpg", "obama_2009.jpg", "biden_2010.jpg", "hopper_1984.jpg")
FILE = {"_type": "gradio.FileData"}
ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"
TIMEOUT = 900.0


@dataclass(frozen=True)
class Outcome:
    """What became of a call.

    Attributes:
        kind: ANSWERED; REFUSED, with words; FAILED, which is anything else.
        words: of a refusal, or what is known of a failure.
        seconds: from the request to the end of the answer.
    """

    kind: str
    words: str
    seconds: float


def address(number: int) -> str:
    """The loopback address of client `number` (from 0): 127.0.0.2 and on."""
    return f"127.0.{number // 250}.{number % 250 + 2}"


def portrait(name: str, quality: int = 90) -> bytes:
    """An example photo as a JPEG file that is not the one on disk."""
    out = io.BytesIO()
    with Image.open(ROOT / "ui" / "examples" / name) as image:
        image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def as_file(path: str) -> dict[str, Any]:
    """An uploaded path as the value of a component."""
    return {"path": path, "meta": FILE}


class Visitor:
    """One client.

    Args:
        url: of the app.  source: the address that its connections come from.
    """

    def __init__(self, url: str, source: str) -> None:
        # a connection a request: one that was idle may be closed by the server just when it is used again
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        transport = httpx.AsyncHTTPTransport(local_address=source, limits=limits)
        self.http = httpx.AsyncClient(base_url=url, transport=transport, timeout=TIMEOUT)

    async def __aenter__(self) -> Visitor:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def upload(self, data: bytes, name: str = "photo.jpg") -> str:
        """The path that an upload returns.

        Raises:
            httpx.HTTPStatusError: it was refused.
        """
        reply = await self.http.post("/gradio_api/upload", files={"files": (name, data)})
        reply.raise_for_status()
        return str(reply.json()[0])

    async def call(self, name: str, data: list[Any]) -> Outcome:
        """Call an endpoint and wait for its answer."""
        start = time.perf_counter()

        def outcome(kind: str, words: str) -> Outcome:
            return Outcome(kind, words, time.perf_counter() - start)

        try:
            joined = await self.http.post(f"/gradio_api/call/{name}", json={"data": data})
            if joined.status_code != 200:
                return outcome(*refusal(joined))
            said = await self.http.get(f"/gradio_api/call/{name}/{joined.json()['event_id']}")
        except httpx.HTTPError as error:
            return outcome(FAILED, repr(error))
        return outcome(*ending(said.text))

    @asynccontextmanager
    async def page(self, session: str) -> AsyncIterator[None]:
        """A page that is open: its settings are read, its session begins and its heartbeat is held."""
        (await self.http.get("/")).raise_for_status()  # gives the visitor's cookie
        config = await self.http.get("/config")
        config.raise_for_status()
        load = next(e["id"] for e in config.json()["dependencies"] if {kind for _, kind in e["targets"]} == {"load"})
        await self._join(session, load, [])
        async with self.http.stream("GET", f"/gradio_api/heartbeat/{session}") as beat:
            beat.raise_for_status()
            yield

    async def event(self, session: str, number: int, data: list[Any]) -> Outcome:
        """An event of the page, by its number in /config."""
        start = time.perf_counter()
        kind, words = FAILED, "no answer"
        try:
            joined = await self._join(session, number, data)
            if joined.status_code != 200:
                kind, words = refusal(joined)
            else:
                kind, words = await self._completed(session, str(joined.json()["event_id"]))
        except httpx.HTTPError as error:
            words = repr(error)
        return Outcome(kind, words, time.perf_counter() - start)

    async def _join(self, session: str, number: int, data: list[Any]) -> httpx.Response:
        body = {"data": data, "fn_index": number, "session_hash": session, "event_data": None}
        return await self.http.post("/gradio_api/queue/join", json=body)

    async def _completed(self, session: str, own: str) -> tuple[str, str]:
        query = {"session_hash": session}
        async with self.http.stream("GET", "/gradio_api/queue/data", params=query) as stream:
            async for line in stream.aiter_lines():
                said = json.loads(line[6:]) if line.startswith("data: ") else {}
                if said.get("msg") == "process_completed" and said.get("event_id") == own:
                    words = (said.get("output") or {}).get("error") or ""
                    return (ANSWERED, "") if said["success"] else (REFUSED if words else FAILED, str(words))
        return FAILED, "the stream ended"


def refusal(reply: httpx.Response) -> tuple[str, str]:
    """A reply other than 200: REFUSED when it is one of 4xx, 503 or 507 with a sentence in it."""
    words = ""
    with contextlib.suppress(ValueError, AttributeError):
        words = reply.json().get("detail") or ""
    known = 400 <= reply.status_code < 500 or reply.status_code in (503, 507)
    return (REFUSED, words) if known and isinstance(words, str) and words else (FAILED, f"HTTP {reply.status_code}")


def ending(text: str) -> tuple[str, str]:
    """The end of an event stream of a call."""
    last = text.rstrip().rpartition("event: ")[2]
    name, _, data = last.partition("\ndata: ")
    if name == "complete":
        return ANSWERED, ""
    with contextlib.suppress(ValueError):
        said = json.loads(data)
        words = said.get("error") if isinstance(said, dict) else said
        if isinstance(words, str) and words:
            return REFUSED, words
    return FAILED, text[-200:]
