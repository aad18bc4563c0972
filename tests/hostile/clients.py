"""A client of the running app that sends what it likes, over plain HTTP."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

META = {"_type": "gradio.FileData"}
FILE_TYPES = ("image", "file", "uploadbutton", "downloadbutton", "imageeditor")


class Visitor:
    """One session; keeps every reply it got.

    Attributes:
        replies: the body of each.
    """

    def __init__(self, url: str) -> None:
        self.session = secrets.token_hex(6)
        self.replies: list[bytes] = []
        self.http = httpx.Client(base_url=url, timeout=120)

    def open(self) -> Visitor:
        """Open the page, as a browser does: from now on with its cookie, and with a session that begins."""
        assert self.request("GET", "/").cookies
        events = self.config()["dependencies"]
        self._join(next(e["id"] for e in events if {kind for _, kind in e["targets"]} == {"load"}), [])
        return self

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        reply = self.http.request(method, path, **more)
        self.replies.append(reply.content)
        return reply

    def config(self) -> dict[str, Any]:
        return self.request("GET", "/config").json()

    def upload(self, photo: Path | bytes, name: str = "photo.jpg") -> str:
        data = photo if isinstance(photo, bytes) else photo.read_bytes()
        (path,) = self.request("POST", "/gradio_api/upload", files={"files": (name, data)}).json()
        return path

    def fetch(self, path: str) -> httpx.Response:
        return self.request("GET", "/gradio_api/file=" + path)

    def event(self, fn_index: int, data: list[Any]) -> dict[str, Any]:
        """Run an event of the page -> the message that it is over."""
        own = self._join(fn_index, data)
        return next(m for m in self._messages() if m["msg"] == "process_completed" and m["event_id"] == own)

    def _join(self, fn_index: int, data: list[Any]) -> str:
        body = {"data": data, "fn_index": fn_index, "session_hash": self.session, "event_data": None}
        return self._asked("/gradio_api/queue/join", body)

    def _asked(self, path: str, body: dict[str, Any]) -> str:
        """Ask, and wait where the answer is to wait: a fast machine answers more than it takes -> the event."""
        end = time.monotonic() + 60
        while (said := self.request("POST", path, json=body)).status_code == 429 and time.monotonic() < end:
            time.sleep(0.5)
        assert said.status_code == 200, said.text
        return str(said.json()["event_id"])

    def _messages(self) -> Iterator[dict[str, Any]]:
        query = {"session_hash": self.session}
        with self.http.stream("GET", "/gradio_api/queue/data", params=query) as stream:
            for line in stream.iter_lines():
                self.replies.append(line.encode())
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def call(self, name: str, data: list[Any]) -> str:
        """Call an endpoint -> the text of its event stream."""
        event = self._asked(f"/gradio_api/call/{name}", {"data": data})
        return self.request("GET", f"/gradio_api/call/{name}/{event}").text

    def tool(self, name: str, **arguments: Any) -> str:
        """Call an MCP tool -> the text of the reply."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        accept = {"accept": "application/json, text/event-stream"}
        return self.request("POST", "/gradio_api/mcp/", json=call, headers=accept).text


def spoken(path: str, kind: str, meta: bool = True) -> Any:
    """A path as the value of a component of this type, as gradio's clients send it or without the mark of a file."""
    file: dict[str, Any] = {"path": path, "meta": META} if meta else {"path": path}
    if kind == "imageeditor":
        return {"background": file, "layers": [], "composite": None}
    return [file] if kind == "file" else file
