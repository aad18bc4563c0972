"""The private folder of one process: uploads, pictures made for the page, scratch files. It ends with the process.

A folder is held by a lock on a file in it. After a kill -9 the lock is free, and the next start removes the folder.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and nothing of others is removed
    fcntl = None  # type: ignore[assignment]

PREFIX, LOCK = "kinsight-", ".lock"


class PrivateFolder:
    """Made once a process, before gradio is imported.

    Attributes:
        root: only its owner may read it; under GRADIO_TEMP_DIR, else under the system's folder for temporary files.
        uploads: what Gradio gets as GRADIO_TEMP_DIR.
        scratch: temporary files of this process.
    """

    def __init__(self) -> None:
        parent = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()).resolve()
        try:
            parent.mkdir(parents=True, exist_ok=True)
            remove_stale(parent)
            self.root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            self.uploads, self.scratch = self.root / "uploads", self.root / "scratch"
            for folder in (self.uploads, self.scratch):
                folder.mkdir()
            self._lock = _hold(self.root)
        except OSError as error:
            raise SystemExit(
                f"No folder for uploads can be made in {parent} ({error.strerror}). Choose another: "
                "GRADIO_TEMP_DIR=FOLDER python app.py"
            ) from error
        os.environ["GRADIO_TEMP_DIR"] = str(self.uploads)
        atexit.register(self.remove)

    def take_scratch(self) -> None:
        """Temporary files of this process and of its children go to `scratch` from now on."""
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.scratch)

    def end_on_signals(self, close: Callable[[], object] = lambda: None) -> None:
        """From now on SIGTERM and SIGINT call `close`, remove everything, and end the process with code 0."""

        def end(*_: object) -> NoReturn:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            close()
            self.remove()
            sys.stdout.flush()
            os._exit(0)  # threads inside torch abort the process when the interpreter is taken down around them

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)

    def remove(self) -> None:
        """Remove everything; a thread that is still writing gets a second and a third try."""
        for _ in range(3):
            shutil.rmtree(self.root, ignore_errors=True)
            if not self.root.exists():
                return
            time.sleep(0.05)


def _hold(root: Path) -> int | None:
    """Lock a file and give it its name afterwards: nobody finds it unlocked."""
    if fcntl is None:
        return None
    descriptor = os.open(root / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.rename(root / "lock", root / LOCK)
    return descriptor


def remove_stale(parent: Path) -> None:
    """Remove folders whose process ended without doing so; those of other users stay."""
    if fcntl is None:
        return
    for lock in parent.glob(f"{PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(descriptor)


def sweep(uploads: Path, kept: float, unfinished: float = 600) -> None:
    """Remove files not changed for `kept` seconds, uploads without an end after `unfinished`, and empty folders."""
    now = time.time()
    for path, made in _files(uploads):
        if now - made > (unfinished if path.parent == uploads else kept):
            with contextlib.suppress(OSError):
                path.unlink()
    for folder in list(uploads.iterdir()):
        with contextlib.suppress(OSError):  # not empty, or not a folder
            if now - folder.stat().st_mtime > unfinished:
                folder.rmdir()


def size(uploads: Path) -> int:
    """Bytes of all files in the folder."""
    total = 0
    for path, _ in _files(uploads):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def _files(folder: Path) -> Iterator[tuple[Path, float]]:
    """Regular files, each with the time of its last change; what goes meanwhile is left out."""
    for root, _, names in os.walk(folder):  # unlike Path.rglob it passes over folders that vanish
        for path in (Path(root, name) for name in names):
            with contextlib.suppress(OSError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode):
                    yield path, found.st_mtime
