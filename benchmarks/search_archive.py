"""Ten thousand photos indexed by two processes that are killed on the way: part of `python -m benchmarks.search`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.speed import ROOT
from models.search.store import Store
from training.data.sets import data_root

PHOTOS = 10_000
KILLED_AFTER = 200.0
"""Seconds."""
LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "explain.search", "index"]


def gathered(count: int, folder: Path) -> int:
    """Copy so many photos into a folder, those of LFW first and then CelebA's; how many there are."""
    root = data_root()
    photos = [p for part in (root / "lfw" / "images", root / "celeba") for p in sorted(part.rglob("*.jpg"))][:count]
    for photo in photos:
        shutil.copy(photo, folder / f"{photo.parent.name}_{photo.name}")
    return len(photos)


def archive(model: str, folder: Path, count: int = PHOTOS, killed_after: float = KILLED_AFTER) -> dict[str, Any]:
    """Photos a second over both runs, the second of which goes on where SIGKILL left the first; and what is known then.

    Faces of one person are grouped. Every photo must have its name once, and its content once.
    """
    photos, out = folder / "photos", folder / "index"
    photos.mkdir()
    number = gathered(count, photos)
    command = [*LAUNCH, str(photos), "--out", str(out), "--model", model, "--people", "edgeface"]
    options: dict[str, Any] = {"cwd": ROOT, "env": {**os.environ, "OMP_NUM_THREADS": "1"}}
    start = time.perf_counter()
    first = subprocess.Popen(command, start_new_session=True, **options)
    try:
        first.wait(killed_after)
        raise RuntimeError(f"it ended within {killed_after:g} s: nothing was killed")
    except subprocess.TimeoutExpired:
        for process in _family(first.pid):
            os.kill(process, signal.SIGKILL)
        first.wait()
    with Store.open(out) as store:
        before = store.counts()["photos"]
    subprocess.run(command, check=True, **options)
    seconds = time.perf_counter() - start
    with Store.open(out) as store:
        known, names = store.counts(), store.names(1)
    return {
        "photos": number,
        "photos_a_second": {"value": round(number / seconds, 4), "limit": 12, "holds": number / seconds >= 12},
        "known_when_killed": before,
        "lost": {"value": number - len(names), "limit": 0, "holds": len(names) == number},
        "doubles": {
            "value": known["photos"] - len({digest for digest, _ in names.values()}),
            "limit": 0,
            "holds": known["photos"] == len({digest for digest, _ in names.values()}),
        },
        "faces": known["faces"],
        "people": known["people"],
    }


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    process = psutil.Process(pid)
    return [*(child.pid for child in process.children(recursive=True)), pid]
