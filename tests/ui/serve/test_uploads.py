"""Which paths a client may name, and what a call leaves behind."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import gradio as gr
import pytest
from gradio import route_utils
from gradio.state_holder import StateHolder
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException

from tests import coroutines
from ui.serve.allowance import FULL
from ui.serve.paths import REFUSED, NotUploadedError, checked, uploaded
from ui.serve.uploads import GuardedBlocks, guard_uploads

FOLDER = "0123456789abcdef" * 4


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    root = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(root))
    (root / FOLDER).mkdir(parents=True)
    (root / FOLDER / "a b.jpg").write_bytes(b"1")
    return str(root / FOLDER / "a b.jpg")


def test_an_upload_is_taken_by_path_or_address(photo: str) -> None:
    assert uploaded(photo) == photo
    quoted = photo.replace(" ", "%20")
    assert uploaded(f"http://localhost:7860/gradio_api/file={quoted}") == photo
    assert uploaded(f"https://example.org/kinsight/gradio_api/file={quoted}") == photo


def test_everything_else_is_refused_in_the_same_words(photo: str, tmp_path: Path) -> None:
    folder, root = Path(photo).parent, Path(photo).parents[1]
    (root / "gallery-1").mkdir()
    (root / "tmp1").write_bytes(b"1")
    (root / "gallery-1" / "a.jpg").write_bytes(b"1")
    (folder / "deep").mkdir()
    (folder / "deep" / "a.jpg").write_bytes(b"1")
    os.mkfifo(folder / "pipe")
    os.symlink("/etc/hostname", folder / "link")
    os.symlink("/etc", root / ("f" * 64))
    bad: list[object] = [root, folder, f"{folder}/", f"{folder}/.", f"{folder}/..", root / "tmp1"]
    bad += [root / "gallery-1" / "a.jpg", folder / "deep" / "a.jpg", folder / "pipe", folder / "link"]
    bad += [root / ("f" * 64) / "hostname", folder / "none.jpg", f"{folder}/../{FOLDER}/a b.jpg", f"{photo}\0", ""]
    bad += [f"file://{photo}", "http://example.org/a.jpg", f"http://h/gradio_api/file={photo}?x", "/proc/self/environ"]
    bad += [os.path.relpath(photo), f"{root}/{FOLDER}/{'x' * 5000}", 7]
    for path in bad:
        with pytest.raises(NotUploadedError) as caught:
            uploaded(str(path) if isinstance(path, Path) else path)
        assert str(caught.value) == REFUSED


def test_paths_are_checked_wherever_they_stand(photo: str) -> None:
    fine = {"path": photo, "url": "http://example.org/other.jpg", "meta": {"_type": "gradio.FileData"}}
    taken = checked([1, None, "text", [fine], {"background": fine, "layers": [], "path": None}])
    assert taken[3][0] == {"path": photo, "meta": {"_type": "gradio.FileData"}}
    assert taken[:3] == [1, None, "text"] and taken[4]["background"]["path"] == photo
    for bad in ([[{"path": "/etc/hostname"}]], {"layers": [{"path": photo}, {"path": photo + "x"}]}, {"path": [photo]}):
        with pytest.raises(NotUploadedError):
            checked(bad)


def test_endpoints_leave_no_session_and_pages_keep_theirs() -> None:
    with GuardedBlocks() as page:
        held, text = gr.State(None), gr.Textbox()
        gr.Button().click(lambda t: t, text, text, api_name="said", api_visibility="public")
        gr.Button().click(lambda t: (t, t), text, [held, text], api_visibility="private")
        page.load(lambda: None, api_visibility="private")
    holder = StateHolder()
    holder.set_blocks(page)
    endpoint, event, load = (page.fns[i] for i in range(3))

    def call(fn: gr.blocks.BlockFunction, session: str) -> None:
        coroutines.run(page.process_api(fn, ["x"] * len(fn.inputs), state=holder[session], session_hash=session))

    call(endpoint, "program")
    call(load, "visitor")
    call(event, "visitor")
    call(endpoint, "visitor")
    assert list(holder.session_data) == ["visitor"] and holder["visitor"].state_data == {held._id: "x"}


@pytest.mark.parametrize(("code", "raised"), [(errno.ENOSPC, MultiPartException), (errno.EIO, OSError)])
def test_a_disk_that_fails_in_the_middle_of_a_file_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, raised: type[Exception]
) -> None:
    for name in ("GradioUploadFile", "GradioMultiPartParser"):  # restored when the test ends
        monkeypatch.setattr(route_utils, name, getattr(route_utils, name))
    guard_uploads()
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n111'

    async def body() -> AsyncGenerator[bytes, None]:
        yield part
        yield b"\r\n" + part
        assert len(list(tmp_path.iterdir())) == 2
        monkeypatch.setattr(route_utils.GradioUploadFile, "write", failing)
        yield b"222"

    async def failing(*_: object) -> None:
        raise OSError(code, "while it was written")

    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    parser = route_utils.GradioMultiPartParser(headers, body(), upload_dir=tmp_path, max_file_size=100)
    with pytest.raises(raised) as caught:
        coroutines.run(parser.parse())
    assert raised is OSError or caught.value.message == FULL  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []
