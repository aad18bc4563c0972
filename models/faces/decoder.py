"""Photos of strangers, decoded in a process of their own with limits of memory and time.

A decoder is C code on bytes that anybody may have made. One child process decodes for the whole app: it imports NumPy
and Pillow only, may hold MEMORY bytes, and is ended when a photo takes more than SECONDS of processor time (on a busy
machine a good one may have to wait) or when it dies; the next photo starts another. The open file goes to the child and
the pixels come back as file descriptors over a Unix socket (memfd): nothing is copied, and memory that a large photo
took is given back to the system with its array.

KINSIGHT_DECODER=inline, or a system without memfd, decodes in this process, by the same functions.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from models.faces.decoding import MAX_PIXELS, PhotoError, opened
from models.faces.photo import Photo, read_photo

MEMORY = 3_000_000_000
"""Bytes of address space of the child: three times the largest photo as RGBA, and libraries."""
SECONDS = 8.0
"""Of processor time for a photo..."""
PATIENCE = 60.0
"""...and of time on the clock: for a decoder that does nothing."""
LOOK = 0.5
"""Seconds between two looks at the clocks."""
MESSAGE = 4096
"""Bytes of a message; all are shorter."""
TOO_SLOW = f"This photo takes more than {SECONDS:.0f} seconds to read. Please save it in another format, or smaller."
DIED = "This image file cannot be read: its decoder failed. Please choose another copy of it."
ROOT = Path(__file__).parents[2]
_START = """
import sys, types
package = types.ModuleType("models")  # the package itself would import torch
package.__path__ = [sys.argv[1]]
sys.modules["models"] = package
from models.faces.decoder import serve
serve(int(sys.argv[2]))
"""


def read_untrusted(source: object, max_pixels: int = MAX_PIXELS, alpha: bool = False) -> Photo:
    """As read_photo, decoded by the child process.

    Args:
        source: path or bytes of a file.
        max_pixels, alpha: as read_photo.

    Raises:
        PhotoError: as read_photo; also when decoding takes too long or too much memory.
    """
    if os.environ.get("KINSIGHT_DECODER") == "inline" or not hasattr(os, "memfd_create"):
        return read_photo(source, max_pixels, alpha=alpha)
    with opened(source) as file:
        try:
            return _DECODER.read(file.fileno(), max_pixels, alpha)
        except OSError:  # bytes in memory have no descriptor
            return _read_bytes(file.read(), max_pixels, alpha)


def open_untrusted(source: object, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """As open_photo, decoded by the child process: (H, W, 3) uint8 RGB.

    Raises:
        PhotoError: as read_untrusted.
    """
    return read_untrusted(source, max_pixels).pixels


def _read_bytes(data: bytes, max_pixels: int, alpha: bool) -> Photo:
    descriptor = _memory(len(data))
    try:
        os.write(descriptor, data)
        return _DECODER.read(descriptor, max_pixels, alpha)
    finally:
        os.close(descriptor)


def _memory(size: int) -> int:
    descriptor = os.memfd_create("photo")
    os.ftruncate(descriptor, size)
    return descriptor


class Decoder:
    """The child process and the way to it; one photo at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def read(self, descriptor: int, max_pixels: int, alpha: bool = False) -> Photo:
        """The photo in an open file.

        Raises:
            PhotoError: as read_photo, TOO_SLOW, DIED.
        """
        with self._lock:
            try:
                answer, descriptors = self._ask(descriptor, {"max_pixels": max_pixels, "alpha": alpha})
            except TimeoutError as error:
                self.stop()
                raise PhotoError(TOO_SLOW) from error
            except (ConnectionError, EOFError) as error:
                self.stop()
                raise PhotoError(DIED) from error
        if "error" in answer:
            raise PhotoError(answer["error"])
        return Photo(_mapped(descriptors[0], answer["shape"]), answer["note"])

    def _ask(self, descriptor: int, how: dict[str, int]) -> tuple[dict, list[int]]:
        link = self._started()
        request = json.dumps(how).encode()
        assert self._process is not None
        end, before = time.monotonic() + PATIENCE, used(self._process.pid)
        socket.send_fds(link, [request], [descriptor])
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(link, MESSAGE, 1)
                break
            except TimeoutError:
                if time.monotonic() > end or used(self._process.pid) - before > SECONDS:
                    raise
        if not message:
            raise EOFError
        return json.loads(message), descriptors

    def _started(self) -> socket.socket:
        if self._socket is None or self._process is None or self._process.poll() is not None:
            self.stop()
            here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            here.settimeout(LOOK)
            with there:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _START, str(ROOT / "models"), str(there.fileno())],
                    pass_fds=[there.fileno()],
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # libtiff writes a line there for every damaged file
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                )
            self._socket = here
        return self._socket

    def stop(self) -> None:
        """End the child; the next photo starts another."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._socket = None


_DECODER = Decoder()


def used(pid: int) -> float:
    """Seconds of processor time that a process has used; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime: proc(5)


def _mapped(descriptor: int, shape: list[int]) -> np.ndarray:
    """(H, W, bands) uint8 over the descriptor's memory; writeable, private to this process, freed with the array."""
    try:
        access = mmap.PROT_READ | mmap.PROT_WRITE
        memory = mmap.mmap(descriptor, int(np.prod(shape)), flags=mmap.MAP_PRIVATE, prot=access)
    finally:
        os.close(descriptor)
    return np.frombuffer(memory, np.uint8).reshape(shape)


def serve(number: int) -> None:
    """Decode what comes over the socket with this file number until the other side closes it: the child's main."""
    import resource  # Unix only, as all below here

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the app, whose end closes the socket
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=number) as link, contextlib.suppress(ConnectionError):  # the app may end at any moment
        while True:
            request, descriptors, _, _ = socket.recv_fds(link, MESSAGE, 1)
            if not request:
                return
            _answer(link, descriptors[0], json.loads(request))


def _answer(link: socket.socket, descriptor: int, how: dict[str, int]) -> None:
    taken: list[int] = []

    def shared(shape: tuple[int, int, int]) -> np.ndarray:
        taken.append(_memory(int(np.prod(shape))))
        return np.frombuffer(mmap.mmap(taken[0], int(np.prod(shape))), np.uint8).reshape(shape)

    try:
        with os.fdopen(descriptor, "rb") as file:
            photo = read_photo(file, how["max_pixels"], shared, bool(how["alpha"]))
        answer = {"shape": photo.pixels.shape, "note": photo.note}
        socket.send_fds(link, [json.dumps(answer).encode()], taken)
    except PhotoError as error:
        link.send(json.dumps({"error": str(error)}).encode())
    finally:
        for memory in taken:
            os.close(memory)
