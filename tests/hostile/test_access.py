"""Nobody reads a photo of somebody else, or a file of the server: two clients on the running app."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from tests.hostile.clients import FILE_TYPES, Visitor, spoken
from tests.ui.photos import EXAMPLES
from ui.serve.owners import COOKIE
from ui.serve.paths import REFUSED

NAME = "canary-5d1f.jpg"
BLANK = {"state": None, "dropdown": "dlib_kin", "textbox": "nose", "number": 0, "checkbox": False}


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A photo with a face that is nowhere else."""
    out = io.BytesIO()
    Image.open(EXAMPLES / "hopper_1984.jpg").save(out, "JPEG", quality=71)
    return out.getvalue()


@pytest.fixture(scope="module")
def victim(url: str, canary: bytes) -> tuple[Visitor, str]:
    visitor = Visitor(url)
    return visitor, visitor.upload(canary, NAME)


@pytest.fixture
def thief(url: str, victim: tuple[Visitor, str], canary: bytes) -> Iterator[Visitor]:
    """Another client; afterwards nothing it was sent holds the canary, its name or its folder."""
    visitor = Visitor(url)
    yield visitor
    folder = Path(victim[1]).parent.name
    held = b"\n".join(visitor.replies)
    assert visitor.replies
    assert [w for w in (NAME.encode(), folder.encode(), canary[200:400]) if w in held] == []


def targets(folder: Path, tmp_path: Path, canary: bytes) -> dict[str, str]:
    """Paths of what no client was given."""
    on_disk, pipe = tmp_path / NAME, tmp_path / "pipe.jpg"
    on_disk.write_bytes(canary)
    os.mkfifo(pipe)
    (uploads,) = folder.glob("kinsight-*/uploads")
    return {
        "upload folder": str(uploads),
        "folder of folders": str(uploads.parent),
        "file on disk": str(on_disk),
        "example": str(EXAMPLES / "obama_2012.jpg"),
        "process": "/proc/self/environ",
        "descriptor": "/proc/self/fd/0",
        "pipe": str(pipe),
        "device": "/dev/zero",
        "nothing": str(tmp_path / "nothing.jpg"),
        "outwards": f"{uploads}/{'0' * 64}/../../../../../../..{on_disk}",
        "guessed": f"{uploads}/{hashlib.sha256(canary).hexdigest()}/{NAME}",
        "web": "http://127.0.0.1:9/photo.jpg",
        "no path": "",
        "zero": "a\0b",
    }


def test_no_event_of_the_page_opens_what_was_not_uploaded(
    thief: Visitor, folder: Path, tmp_path: Path, canary: bytes
) -> None:
    """Every event that takes a file, private ones too, with the targets in turn: refused, and in the same words."""
    config, paths = thief.config(), list(targets(folder, tmp_path, canary).values())
    kinds = {c["id"]: c["type"] for c in config["components"]}
    takes_file = [e for e in config["dependencies"] if {kinds[i] for i in e["inputs"]} & set(FILE_TYPES)]
    tried = 0
    for number, event in enumerate(takes_file):
        inputs = [kinds[i] for i in event["inputs"]]
        for path in paths[number % 4 :: 4]:
            data = [spoken(path, k, bool(tried % 2)) if k in FILE_TYPES else BLANK[k] for k in inputs]
            said = thief.event(event["id"], data)
            assert (said["success"], said["output"]["error"]) == (False, REFUSED), (event["api_name"], path)
            tried += 1
    assert tried > 100


@pytest.mark.parametrize("meta", [True, False])
def test_no_endpoint_opens_what_was_not_uploaded(
    thief: Visitor, folder: Path, tmp_path: Path, canary: bytes, meta: bool
) -> None:
    own = spoken(thief.upload(EXAMPLES / "obama_2012.jpg"), "image")
    for path in targets(folder, tmp_path, canary).values():
        bad, gallery = spoken(path, "image", meta), spoken(path, "file", meta)
        for said in (
            thief.call("kin_score", [bad, own, "dlib_kin"]),
            thief.call("kin_search", [own, gallery, "dlib_kin"]),
            thief.call("detect", [bad]),
        ):
            assert "event: error" in said and REFUSED in said, path


def test_files_are_not_served_without_their_address(
    thief: Visitor, folder: Path, tmp_path: Path, canary: bytes
) -> None:
    for path in targets(folder, tmp_path, canary).values():
        if "\0" not in path:
            said = thief.fetch(path)
            assert (said.status_code, said.json()) == (403, {"detail": REFUSED}), path


def test_the_owner_uses_and_sees_the_photo(victim: tuple[Visitor, str], canary: bytes) -> None:
    owner, path = victim
    said = owner.fetch(path)
    assert said.content == canary and said.headers["cache-control"] == "no-store, private"
    assert "event: complete" in owner.call("detect", [spoken(path, "image")])
    address = f"{owner.http.base_url}gradio_api/file={path}"
    assert "event: complete" in owner.call("detect", [spoken(address, "image")])


def test_an_upload_of_the_page_is_for_its_visitor_alone(url: str, canary: bytes) -> None:
    """Whoever else learns the address is refused as if there were nothing: file route, events, endpoints, MCP."""
    owner, other, program = Visitor(url).open(), Visitor(url).open(), Visitor(url)
    path = owner.upload(canary, NAME)
    file = spoken(path, "image")
    (notice, *_) = (e["id"] for e in owner.config()["dependencies"] if e["api_name"] == "notice")
    assert owner.fetch(path).content == canary and owner.event(notice, [file, None, None])["success"]
    assert "event: complete" in owner.call("detect", [file])
    for client in (other, program):
        said = client.fetch(path)
        assert (said.status_code, said.json()) == (403, {"detail": REFUSED})
        assert client.event(notice, [file, None, None])["output"]["error"] == REFUSED
        assert REFUSED in client.call("detect", [file]) and REFUSED in client.call("kin_search", [file, [file], None])
        assert REFUSED in client.tool("kin_score", photo_a=path, photo_b=path)
        assert not [reply for reply in client.replies if canary[200:400] in reply]
    assert "similarity" in owner.tool("kin_score", photo_a=path, photo_b=path)


def test_the_cookie_of_a_visitor(url: str) -> None:
    """HttpOnly, of this session, given once, by the page alone, and by no cache."""
    first = httpx.get(url)
    given = first.headers["set-cookie"]
    assert re.fullmatch(COOKIE + "=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Lax", given)
    assert first.headers["cache-control"] == "no-store, private"
    assert given != httpx.get(url).headers["set-cookie"]
    kept = {"cookie": given.split(";")[0]}
    assert "set-cookie" not in httpx.get(url, headers=kept).headers
    assert "set-cookie" in httpx.get(url, headers={"cookie": f"{COOKIE}=guest"}).headers
    assert "set-cookie" not in httpx.get(f"{url}config").headers


def test_addresses_do_not_follow_from_the_photo(thief: Visitor, canary: bytes) -> None:
    """Who has the same photo cannot ask whether it was uploaded."""
    other = canary + b" "
    paths = [thief.upload(other, "mine.jpg") for _ in range(3)]
    folders = {Path(p).parent.name for p in paths}
    assert len(folders) == 3 and all(re.fullmatch("[0-9a-f]{64}", f) for f in folders)
    assert hashlib.sha256(other).hexdigest() not in folders
    assert thief.fetch(str(Path(paths[0]).with_name("yours.jpg"))).json() == {"detail": REFUSED}


def test_replies_name_no_path_of_the_server(thief: Visitor) -> None:
    root = str(EXAMPLES.parents[1])
    for page in ("/", "/config", "/gradio_api/info", "/gradio_api/openapi.json", "/gradio_api/mcp/schema"):
        said = thief.request("GET", page).text
        assert [word for word in (root, str(Path.home()), "site-packages") if word + "/" in said] == [], page


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=https://huggingface.co/",
        "/gradio_api/process_recording",
        "/gradio_api/vibe-code",
        "/gradio_api/run-history/records",
        "/gradio_api/deep_link?session_hash=1",
        "/gradio_api/stream/1/2/3/playlist-file",
        "/gradio_api/custom_component/1/client/component/index.js",
        "/monitoring",
    ],
)
def test_what_the_page_does_not_use_is_shut(thief: Visitor, path: str) -> None:
    assert thief.request("GET", path).json() == {"detail": "There is nothing here."}


def test_direct_calls_do_not_pass_the_queue(thief: Visitor) -> None:
    own = spoken(thief.upload(EXAMPLES / "obama_2012.jpg"), "image")
    for route in ("run", "api"):
        assert thief.request("POST", f"/gradio_api/{route}/detect", json={"data": [own]}).status_code == 404


def test_a_program_still_uses_the_app(url: str, tmp_path: Path) -> None:
    """After all that: gradio's own client uploads, compares and searches."""
    client = Client(url, verbose=False, download_files=str(tmp_path))
    a, b = (handle_file(str(EXAMPLES / name)) for name in ("obama_2012.jpg", "biden_2010.jpg"))
    assert 0 < client.predict(a, b, "dlib_kin", api_name="/kin_score")["score"] < 1
    assert client.predict(a, [b], "dlib_kin", api_name="/kin_search")["ranking"][0]["file"] == "biden_2010.jpg"
    assert httpx.get(url).status_code == 200
