"""However the app is told to go, it goes with code 0 and takes the uploads with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.browser.conftest import ROOT, free_port, wait_for
from tests.hostile.clients import Visitor, spoken
from tests.ui.photos import EXAMPLES


def start(parent: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    env = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(parent)}
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=out, stderr=out)
    return process, f"http://127.0.0.1:{port}/"


def test_killed_then_started_again_then_ended_in_the_middle_of_a_task(tmp_path: Path) -> None:
    """The second start removes what the first one left; a folder of the user's stays."""
    parent, log = tmp_path / "mine", tmp_path / "log.txt"
    parent.mkdir()
    (parent / "own.txt").write_text("stays")
    process, _ = start(parent, log)
    left = own_folder(parent) / "uploads" / "photo.jpg"  # early, where an upload would lie
    process.kill()
    process.wait()
    left.write_bytes(b"")
    process, url = start(parent, log)
    try:
        wait_for(url, process)
        assert not left.exists() and len(list(parent.iterdir())) == 2
        expect_end(process, url)
    finally:
        process.kill()
    assert [p.name for p in parent.iterdir()] == ["own.txt"]
    assert "Traceback" not in log.read_text()


def own_folder(parent: Path) -> Path:
    """The folder that a starting app makes for itself, once it is whole."""
    end = time.monotonic() + 60
    while not (found := list(parent.glob("kinsight-*/.lock"))) and time.monotonic() < end:
        time.sleep(0.02)
    return found[0].parent


def expect_end(process: subprocess.Popen[bytes], url: str) -> None:
    """Told to go with an open page and networks that run."""
    visitor = Visitor(url)
    path = visitor.upload(EXAMPLES / "obama_2012.jpg")
    threading.Thread(target=listen, args=(url, visitor.session), daemon=True).start()
    for name in ("kin_score", "detect"):
        photos = [spoken(path, "image")] * (2 if name == "kin_score" else 1)
        more = ["dlib_kin"] if name == "kin_score" else []
        assert visitor.request("POST", f"/gradio_api/call/{name}", json={"data": [*photos, *more]}).is_success
    assert Path(path).exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def listen(url: str, session: str) -> None:
    """Hold a connection as an open page does."""
    try:
        with httpx.stream("GET", f"{url}gradio_api/heartbeat/{session}", timeout=60) as stream:
            for _ in stream.iter_bytes():
                pass
    except httpx.HTTPError:
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_before_it_serves(tmp_path: Path, number: signal.Signals) -> None:
    process, _ = start(tmp_path / "mine", tmp_path / "log.txt")
    try:
        own_folder(tmp_path / "mine")
        time.sleep(0.2)
        process.send_signal(number)
        assert process.wait(60) == 0
    finally:
        process.kill()
    assert list((tmp_path / "mine").iterdir()) == [] and "Traceback" not in (tmp_path / "log.txt").read_text()
