"""The app in a process of its own, as an outside observer sees it: its address, memory, log and folder."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = ("gradio.exceptions.", "starlette.requests.ClientDisconnect")
"""In a traceback of the log: Gradio's refusals, and a client that went away in the middle of an upload."""
START_SECONDS = 180
SAMPLE_SECONDS = 0.1
STILL = 3.0
"""MB."""


def free_port() -> int:
    """A port that nobody holds at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def memory(process: psutil.Process) -> float:
    """Resident memory of a process and all its children, MB (10^6 bytes); pages they share count in each."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for part in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += part.memory_info().rss
    return total / 1e6


def settled(process: psutil.Process, seconds: float = 5.0, most: float = 90.0) -> float:
    """Memory, MB, once it changes by less than STILL in `seconds`: the app loads more behind its first page."""
    end, before = time.monotonic() + most, memory(process)
    while True:
        time.sleep(seconds)
        now = memory(process)
        if abs(now - before) < STILL or time.monotonic() > end:
            return now
        before = now


@dataclass
class Gauge:
    """Memory of a process tree, sampled every SAMPLE_SECONDS while the context is open.

    Attributes:
        samples: MB, in the order of time.
    """

    process: psutil.Process
    samples: list[float] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Gauge:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.samples.append(memory(self.process))

    @property
    def peak(self) -> float:
        return max(self.samples, default=0.0)


class App:
    """A running app.

    Attributes:
        url: of its page.  process: the app.  parent: the folder that it was given for uploads.  log: what it wrote.
    """

    def __init__(self, folder: Path) -> None:
        self.parent, self.log, port = folder / "uploads", folder / "log.txt", free_port()
        self.url = f"http://127.0.0.1:{port}/"
        env = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(self.parent)}
        with self.log.open("wb") as out:
            self._server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=out, stderr=out)
        self.process = psutil.Process(self._server.pid)

    def tracebacks(self) -> int:
        """Exceptions in the log that are none of EXPECTED."""
        found = self.log.read_text(errors="replace").split("Traceback (most recent call last)")[1:]
        return sum(not any(word in text for word in EXPECTED) for text in found)

    def files(self) -> list[Path]:
        """Regular files among the uploads."""
        return [p for p in self.parent.glob("kinsight-*/uploads/**/*") if p.is_file()]

    def wait(self) -> None:
        """Until the page is served. Raises RuntimeError when it is not."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._server.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(self.url, timeout=5)
                return
            time.sleep(0.2)
        raise RuntimeError(f"the app did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> tuple[int, int]:
        """SIGTERM -> (exit code, how much lies in the folder for uploads afterwards). Once more does nothing more."""
        self._server.terminate()
        try:
            code = self._server.wait(60)
        except subprocess.TimeoutExpired:
            self._server.kill()
            code = self._server.wait()
        return code, sum(1 for _ in self.parent.rglob("*"))


@contextmanager
def running_app() -> Iterator[App]:
    """A freshly started app; when the context ends it is stopped, and its files and its log go.

    Raises:
        RuntimeError: it did not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        app = App(Path(folder))
        try:
            app.wait()
            yield app
        finally:
            app.stop()
