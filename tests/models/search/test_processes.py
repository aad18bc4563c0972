"""An index that was killed on the way and finished under `accelerate launch` is the index that one process makes."""

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


LAUNCH = (
    "--multi_gpu",
    "--num_processes",
    "2",
    "--num_machines",
    "1",
    "--mixed_precision",
    "no",
    "--dynamo_backend",
    "no",
)
"""Two processes on one machine, with GPUs or without; --cpu would start a single one."""


def run(photos: Path, folder: Path, *launcher: str, dies_at: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *launcher, "-m", "tests.models.search.worker", str(photos), str(folder), str(dies_at)]
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=240, check=False)


def launcher() -> tuple[str, ...]:
    """`accelerate launch` for two processes, on a free port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
    return "-m", "accelerate.commands.accelerate_cli", "launch", *LAUNCH, "--main_process_port", port


def test_killed_and_finished_by_two_is_what_one_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, folder, alone = tmp_path / "photos", tmp_path / "killed", tmp_path / "alone"
    for i in range(PHOTOS):
        tiny.paint(photos / f"{i:02d}", (6 * i, 255 - 6 * i, 40 + 5 * (i % 7)))
    assert run(photos, folder, dies_at=WRITTEN + 5).returncode == -signal.SIGKILL
    with Store.open(folder) as store:
        assert store.counts()["faces"] == WRITTEN and "vectors" not in store.facts()
    two = run(photos, folder, *launcher())
    assert two.returncode == 0, two.stderr
    new = [int(line.split()[1]) for line in two.stdout.splitlines()]
    assert len(new) == 2 and min(new) > 0 and sum(new) == PHOTOS - WRITTEN, "no photo is looked at twice"
    tiny.stand_in(monkeypatch)
    build([photos], alone, "kin", "who")
    assert contents(folder) == contents(alone) and len(contents(alone)) == PHOTOS
    with Store.open(folder) as one, Store.open(alone) as other:
        assert content_of(one) == content_of(other) and one.counts() == other.counts()
