"""The private folder: held while its process lives, removed by the next start when it does not, swept by age."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ui.serve.folder import remove_stale, size, sweep

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, time
from ui.serve.folder import PrivateFolder
folder = PrivateFolder()
(folder.uploads / "photo.jpg").write_bytes(b"1")
print(folder.root, flush=True)
time.sleep(100 if sys.argv[1] == "stay" else 0)
"""


def start(parent: Path, how: str = "stay") -> tuple[subprocess.Popen[str], Path]:
    env = {**os.environ, "GRADIO_TEMP_DIR": str(parent)}
    process = subprocess.Popen([sys.executable, "-c", HOLD, how], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_it_is_private_and_ends_with_its_process(tmp_path: Path) -> None:
    process, root = start(tmp_path)
    try:
        assert root.parent == tmp_path and stat.S_IMODE(root.stat().st_mode) == 0o700
    finally:
        process.kill()
        process.wait()
    process, root = start(tmp_path, "leave")
    assert process.wait(20) == 0 and list(tmp_path.iterdir()) == []  # and that of the killed process


def test_what_lives_or_belongs_to_others_stays(tmp_path: Path) -> None:
    process, root = start(tmp_path)
    try:
        (tmp_path / "kinsight-mine").mkdir()
        (tmp_path / "photo.jpg").write_bytes(b"1")
        remove_stale(tmp_path)
        assert {p.name for p in tmp_path.iterdir()} == {root.name, "kinsight-mine", "photo.jpg"}
        assert (root / "uploads" / "photo.jpg").exists()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    remove_stale(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"kinsight-mine", "photo.jpg"}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    env = {**os.environ, "GRADIO_TEMP_DIR": str(tmp_path / "file" / "x")}
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"No folder for uploads can be made in {tmp_path / 'file' / 'x'}" in done.stderr


@pytest.mark.parametrize(("place", "age", "stays"), [("f/a", 90, True), ("f/a", 110, False), ("tmp1", 9, True)])
def test_files_are_swept_by_age(tmp_path: Path, place: str, age: float, stays: bool) -> None:
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"123")
    os.utime(path, (time.time() - age,) * 2)
    sweep(tmp_path, kept=100, unfinished=10)
    assert path.exists() is stays and size(tmp_path) == (3 if stays else 0)


def test_uploads_without_an_end_and_empty_folders_are_swept(tmp_path: Path) -> None:
    (tmp_path / "tmp1").write_bytes(b"1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "new").mkdir()
    for name in ("tmp1", "empty"):
        os.utime(tmp_path / name, (time.time() - 11,) * 2)
    sweep(tmp_path, kept=100, unfinished=10)
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


def test_folders_that_go_during_the_count_do_not_matter(tmp_path: Path) -> None:
    over = threading.Event()

    def churn() -> None:
        while not over.is_set():
            for i in range(40):
                (tmp_path / str(i)).mkdir(exist_ok=True)
                (tmp_path / str(i) / "x").write_bytes(b"x")
            for i in range(40):
                shutil.rmtree(tmp_path / str(i))

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(200):
            assert size(tmp_path) <= 40
            sweep(tmp_path, 3600)
    finally:
        over.set()
        thread.join()
