"""More than the app takes: everything is answered or refused in words, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from models.running import AT_ONCE
from tests import coroutines
from tests.hostile.clients import Visitor, spoken
from tests.ui.photos import EXAMPLES
from ui.serve import allowance
from ui.serve.uploads import QUEUE_FULL

JOINS = 400


def client(url: str, address: str) -> httpx.AsyncClient:
    """One that comes from an address of its own."""
    transport = httpx.AsyncHTTPTransport(
        local_address=address, limits=httpx.Limits(max_connections=100, max_keepalive_connections=0)
    )
    return httpx.AsyncClient(base_url=url, transport=transport, timeout=120)


HEAD = (
    b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
)


def begun(url: str, size: int, address: str = "127.0.0.1") -> socket.socket:
    """The first bytes of an upload, which goes no further."""
    link = socket.create_connection(("127.0.0.1", urlsplit(url).port or 80), source_address=(address, 0))
    link.sendall(HEAD + b"1" * size)
    return link


def test_uploads_cut_off_leave_nothing(url: str, folder: Path) -> None:
    (uploads,) = folder.glob("kinsight-*/uploads")
    before = set(uploads.rglob("*"))
    open_ones = [begun(url, 200_000) for _ in range(5)]
    wait(lambda: len(set(uploads.glob("tmp*")) - before) == 5)
    for link in open_ones:
        link.close()
    wait(lambda: not set(uploads.rglob("*")) - before)


def test_two_hundred_slow_uploads_hold_up_nobody(url: str, folder: Path) -> None:
    """From one address: as many as it may wait for their bytes, the others are refused, and everybody else goes on."""
    (uploads,) = folder.glob("kinsight-*/uploads")
    before, most = set(uploads.rglob("*")), allowance.Allowance().uploads
    open_ones = [begun(url, 1000, "127.0.0.4") for _ in range(200)]
    answers = [bytearray() for _ in open_ones]
    for link in open_ones:
        link.setblocking(False)

    def refused() -> int:
        for link, answer in zip(open_ones, answers, strict=True):
            with contextlib.suppress(BlockingIOError, ConnectionError):
                answer += link.recv(4096)
        return sum(a.startswith(b"HTTP/1.1 429") and allowance.TOO_MANY_UPLOADS.encode() in a for a in answers)

    wait(lambda: refused() == 200 - most)
    assert len(set(uploads.glob("tmp*")) - before) == most
    other = Visitor(url)
    own = other.upload(b"123")
    assert other.request("GET", "/").status_code == 200 and other.fetch(own).content == b"123"
    for link in open_ones:
        link.close()
    wait(lambda: set(uploads.rglob("*")) - before == {Path(own), Path(own).parent})


def test_clients_that_go_in_the_middle_of_a_task_leave_no_turn_taken(url: str) -> None:
    photo = spoken(Visitor(url).upload(EXAMPLES / "biden_2010.jpg"), "image")
    for _ in range(2 * AT_ONCE):
        gone = Visitor(url)
        joined = gone.request("POST", "/gradio_api/call/detect", json={"data": [photo]}).json()
        with gone.http.stream("GET", f"/gradio_api/call/detect/{joined['event_id']}"):
            gone.http.close()
    assert "event: complete" in Visitor(url).call("detect", [photo])


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit of another process")
def test_an_upload_for_which_there_is_no_room_is_told_so_and_leaves_nothing(url: str, folder: Path) -> None:
    import resource

    children = psutil.Process().children()  # other tests of this worker may have started apps of their own
    (app,) = [p for p in children if p.environ().get("GRADIO_TEMP_DIR") == str(folder)]
    (uploads,) = folder.glob("kinsight-*/uploads")
    before, visitor = set(uploads.rglob("*")), Visitor(url)
    files = [("files", (f"{i}.jpg", b"1" * size)) for i, size in enumerate((3000, 700_000, 5000))]
    most = resource.prlimit(app.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(app.pid, resource.RLIMIT_FSIZE, (500_000, most[1]))  # its own files are shorter
    try:
        said = visitor.request("POST", "/gradio_api/upload", files=files)
        assert (said.status_code, said.text) == (400, allowance.FULL)
        assert not set(uploads.rglob("*")) - before
        assert visitor.fetch(visitor.upload(b"1" * 3000)).status_code == 200
    finally:
        resource.prlimit(app.pid, resource.RLIMIT_FSIZE, most)
    assert visitor.request("POST", "/gradio_api/upload", files=files).status_code == 200


def wait(done: object, seconds: float = 30) -> None:
    assert callable(done)
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_one_client_does_not_push_out_the_others(url: str) -> None:
    """More sessions than the app keeps, from one address: a visitor's own is still there."""
    visitor = Visitor(url).open()
    config = visitor.config()
    notice = next(e for e in config["dependencies"] if e["api_name"] == "notice")
    take = next(e for e in config["dependencies"] if e["api_name"] == "take_photo")
    photo = spoken(visitor.upload(EXAMPLES / "biden_2010.jpg"), "image")
    assert visitor.event(notice["id"], [photo, None, None])["success"]

    async def sessions() -> list[int]:
        async with client(url, "127.0.0.3") as http:
            bodies = [
                {"fn_index": notice["id"], "data": [None, None, None], "session_hash": f"s{i}"} for i in range(250)
            ]
            return [(await http.post("/gradio_api/queue/join", json=body)).status_code for body in bodies]

    assert set(coroutines.run(sessions())) == {200, 429}
    said = visitor.event(take["id"], [None])
    assert said["success"] and "No photo yet" not in json.dumps(said["output"]["data"])


def test_many_at_once_are_answered_or_refused_in_words(url: str) -> None:
    photo = spoken(Visitor(url).upload(EXAMPLES / "biden_2010.jpg"), "image")

    async def join(http: httpx.AsyncClient) -> httpx.Response:
        return await http.post("/gradio_api/call/detect", json={"data": [photo]})

    async def crowd() -> list[httpx.Response]:
        async with client(url, "127.0.0.2") as http:
            return await asyncio.gather(*(join(http) for _ in range(JOINS)))

    replies = coroutines.run(crowd())
    words = {200: "event_id", 429: allowance.SLOW_DOWN, 503: QUEUE_FULL}
    statuses = {r.status_code for r in replies}
    assert 200 in statuses and {429, 503} & statuses and statuses <= set(words)
    assert all(words[r.status_code] in r.text for r in replies)
