"""Memory that was freed goes back to the system: glibc's heaps, in a process that serves for weeks.

The layers of networks leave holes of all sizes in a heap, between small values that stay. glibc returns the end of a
heap alone, so that after many requests 400 MB of holes were resident and their number still grew. A lower
M_MMAP_THRESHOLD leaves no holes, and detection then takes half as long again.

Elsewhere (musl, macOS, Windows) nothing here does anything.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

GATHERED = 150_000_000
"""Bytes more than after the last return that are resident when the next is due: a photo alone takes less, and none of
its time goes into fetching pages back."""
_M_ARENA_MAX = -8  # malloc.h


class Holes:
    """The free memory of this process, returned when much of it has gathered."""

    def __init__(self) -> None:
        self._after = 0

    def give_back(self) -> None:
        """Return whole free pages to the system, when GATHERED has come since the last time; it takes some 10 ms."""
        if not _glibc():
            return
        if resident() > self._after + GATHERED:
            _glibc().malloc_trim(0)
            self._after = resident()
        self._after = min(self._after, resident())


def share_heaps() -> None:
    """Let all threads share two heaps: a heap for each kept 250 MB of freed memory."""
    if _glibc():
        _glibc().mallopt(_M_ARENA_MAX, 2)


def resident() -> int:
    """Bytes of memory that this process has for itself: without files that it maps. Linux only."""
    _, pages, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(pages) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


@lru_cache(maxsize=1)
def _glibc() -> Any:
    """The library, or None."""
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
    except OSError:
        return None
