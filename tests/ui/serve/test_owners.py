"""Who uploaded what, and the cookie that says so."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.types import Receive, Scope, Send

from tests import coroutines
from tests.ui.serve.asgi import ok, request
from ui.serve import owners
from ui.serve.owners import COOKIE, SETTLED, UPLOAD, Owners, Visitors, visitor_behind, visitor_of

ANN, BOB = ({"cookie": f"{COOKIE}={letter * 43}"} for letter in "ab")


def test_a_visitor_is_the_hash_of_a_whole_cookie() -> None:
    assert len(visitor_of(ANN)) == 64 and visitor_of(ANN) != visitor_of(BOB) and "aaa" not in visitor_of(ANN)
    assert visitor_of({"cookie": f"x=1; {ANN['cookie']}"}) == visitor_of(ANN)
    assert [visitor_of(h) for h in ({}, {"cookie": f"{COOKIE}=short"}, {"cookie": f"{COOKIE}="})] == [""] * 3


def test_every_form_of_a_request_has_a_visitor() -> None:
    plain = SimpleNamespace(headers=ANN)
    assert {visitor_behind(r) for r in (plain, [plain], SimpleNamespace(request=plain))} == {visitor_of(ANN)}
    assert [visitor_behind(r) for r in (None, [])] == ["", ""]


def test_an_owner_is_kept_while_the_folder_is_there(tmp_path: Path) -> None:
    now = [0.0]
    known = Owners(lambda: now[0])
    known.record("f", "ann")
    known.record("program", "")
    assert [known.allow("f", v) for v in ("ann", "bob", "")] == [True, False, False]
    assert known.allow("program", "bob") and known.allow("unknown", "") and len(known) == 1
    known.forget_gone(tmp_path)  # on its way
    assert not known.allow("f", "bob")
    now[0] = SETTLED + 1
    (tmp_path / "f").mkdir()
    known.forget_gone(tmp_path)
    assert not known.allow("f", "bob")
    (tmp_path / "f").rmdir()
    known.forget_gone(tmp_path)
    assert len(known) == 0


def test_uploads_with_a_cookie_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "OWNERS", known := Owners())

    async def saved(scope: Scope, receive: Receive, send: Send) -> None:
        body = json.dumps(["/uploads/one/a.jpg", "/uploads/two/b.jpg"]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body[:9], "more_body": True})
        await send({"type": "http.response.body", "body": body[9:]})

    app = Visitors(saved)
    coroutines.run(request(app, UPLOAD, "POST"))
    coroutines.run(request(app, "/gradio_api/queue/join", "POST", ANN))
    assert len(known) == 0
    coroutines.run(request(app, UPLOAD, "POST", ANN))
    for folder in ("one", "two"):
        assert [known.allow(folder, visitor_of(h)) for h in (ANN, BOB)] == [True, False]


@pytest.mark.parametrize("body", [b"no json", b"{}", b"[1]", b""])
def test_other_replies_pass_unrecorded(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(owners, "OWNERS", known := Owners())
    assert coroutines.run(request(Visitors(ok), UPLOAD, "POST", ANN, [body])).body == body and len(known) == 0


def test_in_frames_of_other_sites_the_cookie_goes_over_tls() -> None:
    given = coroutines.run(request(Visitors(ok, framed=True))).headers["set-cookie"]
    assert given.endswith("; Path=/; HttpOnly; SameSite=None; Secure")
    assert "set-cookie" not in coroutines.run(request(Visitors(ok), headers=ANN)).headers
