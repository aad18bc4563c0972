"""Limits of a client, with a clock of the test's own and small numbers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.formparsers import MultiPartException
from starlette.types import Receive, Scope, Send

from tests import coroutines
from tests.ui.serve.asgi import Reply, ok, request
from ui.serve import allowance, limits
from ui.serve.allowance import Allowance, Clients, RefusedError
from ui.serve.limits import Limits

JOIN, UPLOAD = "/gradio_api/queue/join", limits.UPLOAD


def ask(app: Limits, path: str = JOIN, **more: Any) -> Reply:
    return coroutines.run(request(app, path, "POST", **more))


def limited(folder: Path, **allowed: Any) -> Limits:
    return Limits(ok, folder, Allowance(**allowed))


def test_calls_come_back_with_time() -> None:
    now = [0.0]
    clients = Clients(Allowance(rate=2, burst=3), lambda: now[0])

    def allowed() -> int:
        before = clients["a"].calls
        for _ in range(int(before)):
            clients.count_call("a")
        with pytest.raises(RefusedError, match=allowance.SLOW_DOWN):
            clients.count_call("a")
        return int(before)

    assert allowed() == 3 and allowed() == 0
    now[0] = 1.0
    assert allowed() == 2
    now[0] = 100.0
    assert allowed() == 3
    clients.count_call("b")  # another client has its own


def test_the_least_recent_client_is_forgotten() -> None:
    clients = Clients(Allowance(rate=0, burst=1), lambda: 0.0, most=2)
    for name in "abc":
        clients.count_call(name)
    clients.count_call("a")
    with pytest.raises(RefusedError):
        clients.count_call("c")


def test_reading_is_not_counted(tmp_path: Path) -> None:
    app = limited(tmp_path, burst=1, rate=0)
    assert [coroutines.run(request(app, "/")).status for _ in range(3)] == [200] * 3
    assert [ask(app).status for _ in range(2)] == [200, 429]
    assert ask(app, client="10.0.0.2").status == 200


def test_the_body_arrives_whole(tmp_path: Path) -> None:
    assert ask(limited(tmp_path), body=[b'{"a"', b": 1}"]).body == b'{"a": 1}'


@pytest.mark.parametrize("path", [JOIN, "/login"])
def test_a_large_body_is_refused_before_and_while_it_comes(tmp_path: Path, path: str) -> None:
    app = limited(tmp_path, body=5)
    for more in (
        {"headers": {"content-length": "6"}},
        {"body": [b"123", b"456"]},
        {"headers": {"content-length": "x"}},
    ):
        assert ask(app, path, **more).status == 413
    assert ask(app, path, body=[b"123", b"45"]).status == 200


def test_a_slow_body_is_given_up(tmp_path: Path) -> None:
    pieces = [b"1", b"2", b"3"]
    slow, dripping = limited(tmp_path, pause=0.05), limited(tmp_path, pause=0.2, whole=0.15)
    assert ask(slow, body=pieces, pause=0.5).words == allowance.TOO_SLOW
    assert ask(dripping, body=pieces, pause=0.1).status == 408
    assert ask(slow, body=pieces, pause=0.01).status == 200


def test_sessions_of_a_client_are_counted(tmp_path: Path) -> None:
    app = limited(tmp_path, sessions=2)

    def join(session: object, **more: Any) -> int:
        return ask(app, body=[json.dumps({"session_hash": session}).encode()], **more).status

    assert [join(s) for s in ("a", "b", "a", "c", "b")] == [200, 200, 200, 429, 200]
    assert join("c", client="10.0.0.2") == 200
    assert ask(app, body=[b"no json"]).status == 200  # Gradio says what is wrong with it


def test_sessions_of_drawings_are_counted(tmp_path: Path) -> None:
    """A call of a component makes a session too, and a form may name it in more than one way."""
    app = limited(tmp_path, sessions=2)
    path, kind = "/gradio_api/component_server", {"content-type": "multipart/form-data; boundary=x"}
    head = "content-disposition: form-data; name={}\r\n\r\n{}\r\n--x"

    def draw(*named: tuple[str, str]) -> Reply:
        body = "--x" + "".join("\r\n" + head.format(*part) for part in named) + "--\r\n"
        return ask(app, path, body=[body.encode()], headers=kind)

    quoted, bare = '"session_hash"', "session_hash"
    assert [draw((quoted, s)).status for s in ("a", "a")] == [200, 200]
    assert draw((quoted, "a"), (bare, "b")).status == 200
    assert draw((quoted, "a"), (bare, "c")).words == allowance.TOO_MANY_SESSIONS
    assert ask(app, path, body=[b'{"session_hash": "c"}']).status == 429
    assert ask(app, path, body=[b"none"], headers=kind).words == allowance.NO_FORM


def test_wrong_passwords_are_counted_and_right_ones_are_not(tmp_path: Path) -> None:
    status = [400]

    async def login(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status[0], "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = Limits(login, tmp_path, Allowance(logins=2, login_pause=60))
    status[0] = 200
    assert [ask(app, "/login").status for _ in range(4)] == [200] * 4
    status[0] = 400
    assert [ask(app, path).status for path in ("/login", "/login/", "/login", "/login/")] == [400, 400, 429, 429]
    status[0] = 200
    assert ask(app, "/login").words == allowance.WRONG_PASSWORDS  # the right one does not tell itself now
    assert ask(app, "/login", client="10.0.0.2").status == 200 and ask(app).status == 200


def test_tries_to_log_in_come_back_with_time() -> None:
    now = [0.0]
    clients = Clients(Allowance(logins=2, login_pause=60), lambda: now[0])
    clients["a"].logins = 0
    for now[0], left in ((30.0, 0.5), (60.0, 1.0), (6000.0, 2.0)):
        assert clients["a"].logins == pytest.approx(left)


def test_hours_end() -> None:
    now = [0.0]
    clients = Clients(Allowance(sessions=1, client_bytes=10), lambda: now[0])
    client = clients["a"]
    clients.count_session(client, "x")
    clients.count_bytes(client, 10)
    for count, value in ((clients.count_session, "y"), (clients.count_bytes, 1)):
        with pytest.raises(RefusedError):
            count(client, value)  # type: ignore[operator]
    now[0] = 3601.0
    clients.count_session(clients["a"], "y")
    clients.count_bytes(clients["a"], 10)


def test_bytes_of_a_client_and_drawings_in_memory_are_counted(tmp_path: Path) -> None:
    app = limited(tmp_path, client_bytes=5)
    assert ask(app, "/gradio_api/component_server", body=[b"123"]).status == 200
    assert ask(app, "/gradio_api/component_server", body=[b"123"]).words == allowance.YOUR_SHARE
    assert ask(app, UPLOAD).words == allowance.YOUR_SHARE


def test_the_folder_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "photo").write_bytes(b"1234")
    app = limited(tmp_path, folder_bytes=10, spare=100)
    sized = [ask(app, UPLOAD, headers={"content-length": str(n)}).status for n in (6, 7)]
    assert sized == [200, 507]
    assert ask(app, UPLOAD, headers={"content-length": "1"}).status == 507  # the six count before they are written
    monkeypatch.setattr(limits, "RECOUNT", 0)  # and what is there is counted anew: these never arrived
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda _: SimpleNamespace(free=103))
    assert ask(app, UPLOAD, headers={"content-length": "3"}).status == 200
    assert ask(app, UPLOAD, headers={"content-length": "4"}).words == allowance.FULL


def test_uploads_at_a_time(tmp_path: Path) -> None:
    app = limited(tmp_path, uploads=2)

    async def three() -> list[int]:
        more = {"method": "POST", "body": [b"1", b"2"], "pause": 0.3}
        return [r.status for r in await asyncio.gather(*(request(app, UPLOAD, **more) for _ in range(3)))]

    assert sorted(coroutines.run(three())) == [200, 200, 429]
    assert ask(app, UPLOAD).status == 200


@pytest.mark.parametrize(
    ("allowed", "more", "words"),
    [
        ({"upload_body": 3}, {"body": [b"12", b"34"]}, "maximum allowed size"),
        ({"pause": 0.01}, {"body": [b"1", b"2"], "pause": 0.3}, allowance.TOO_SLOW),
        ({"client_bytes": 3}, {"body": [b"12", b"34"]}, allowance.YOUR_SHARE),
        ({}, {"body": ()}, allowance.CUT_OFF),
    ],
)
def test_an_upload_that_fails_halfway_is_one_of_the_parser(
    tmp_path: Path, allowed: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    """Gradio removes what was written when its own parser fails, and only then."""
    with pytest.raises(MultiPartException) as caught:
        ask(limited(tmp_path, **allowed), UPLOAD, **more)
    assert words in caught.value.message
