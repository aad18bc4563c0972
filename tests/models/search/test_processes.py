"""An index that was killed on the way and finished by two processes is the index that one process makes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from models.search.build import WRITTEN, build
from models.search.finish import content_of
from models.search.store import Store
from tests.models.search import tiny
from tests.models.search.test_index import contents

PHOTOS = 40


def started(photos: Path, folder: Path, dies_at: int = 0, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.models.search.worker", str(photos), str(folder), str(dies_at)]
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", **environment}
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def test_killed_and_finished_by_two_is_what_one_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, folder, alone = tmp_path / "photos", tmp_path / "killed", tmp_path / "alone"
    for i in range(PHOTOS):
        tiny.paint(photos / f"{i:02d}", (6 * i, 255 - 6 * i, 40 + 5 * (i % 7)))
    killed = started(photos, folder, dies_at=WRITTEN + 5)
    assert killed.wait(120) == -signal.SIGKILL
    with Store.open(folder) as store:
        assert store.counts()["faces"] == WRITTEN and "vectors" not in store.facts()
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    two = [started(photos, folder, RANK=str(rank), **shared) for rank in range(2)]
    said = [process.communicate(timeout=120) for process in two]
    assert [process.returncode for process in two] == [0, 0], said
    assert sum(int(out.split()[-1]) for out, _ in said) == PHOTOS - WRITTEN, "no photo is looked at twice"
    tiny.stand_in(monkeypatch)
    build([photos], alone, "kin", "who")
    assert contents(folder) == contents(alone) and len(contents(alone)) == PHOTOS
    with Store.open(folder) as one, Store.open(alone) as other:
        assert content_of(one) == content_of(other) and one.counts() == other.counts()
