"""Runs a worker of these tests in two gloo processes, as torchrun does.

Both are forked from a server that imports what all workers import once, since imports take longer than what a worker
does. One test (tests/models/search/test_processes.py) starts its worker under a launcher itself.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import socket
import sys
import traceback
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["accelerate", "tests.training.recognition_worker", "tests.training.partial_worker"])
SECONDS = 200
"""That either may take."""


def run_in_two(module: str, *arguments: str) -> None:
    """Run a module with arguments in two processes; fails with what they said when one of them failed."""
    port = _free_port()
    with TemporaryDirectory() as folder:
        running = [
            SERVER.Process(target=_run, args=(module, arguments, rank, port, f"{folder}/{rank}")) for rank in (0, 1)
        ]
        for process in running:
            process.start()
        while (going := [p.sentinel for p in running if p.exitcode is None]) and not any(p.exitcode for p in running):
            if not wait(going, SECONDS):
                break
        codes = [process.exitcode for process in running]
        for process in running:  # a failure ends the other process, which would wait for it
            process.kill()
            process.join()
        said = "\n".join(path.read_text()[-2000:] for path in sorted(Path(folder).iterdir()))
    assert codes == [0, 0], said


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(module: str, arguments: tuple[str, ...], rank: int, port: int, log: str) -> None:
    """Process `rank` of two."""
    import torch

    torch.set_num_threads(1)
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    os.environ.update({name: str(value) for name, value in place.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), ACCELERATE_USE_CPU="true")
    sys.argv = [module, *arguments]
    code = 1
    with open(log, "w") as said:
        sys.stdout = sys.stderr = said
        try:
            runpy.run_module(module, run_name="__main__")
            code = 0
        except BaseException:
            traceback.print_exc()
    os._exit(code)
