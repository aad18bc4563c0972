"""Starts a worker of these tests in two gloo processes, as torchrun does.

    python -m tests.training.forked MODULE ARGUMENT ...

The module is imported once and the process forked, since imports take longer than what a worker does. One test
(test_kinship.py) starts its worker under torchrun itself.
"""

from __future__ import annotations

import os
import runpy
import signal
import socket
import subprocess
import sys
import traceback
from importlib import import_module


def run_in_two(module: str, *arguments: str) -> None:
    """Run a module with arguments in two processes; fails with what they said when one of them failed."""
    command = [sys.executable, "-m", "tests.training.forked", module, *arguments]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _started(module: str, rank: int, port: int) -> int:
    """Process id of a fork that runs the module as process `rank` of two."""
    child = os.fork()
    if child:
        return child
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    os.environ.update({name: str(value) for name, value in place.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    code = 1
    try:
        runpy.run_module(module, run_name="__main__")
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _main(module: str) -> int:
    """0 when both processes ended well; the first failure ends the other process, which would wait for it."""
    import_module(module)
    port = _free_port()
    running = {_started(module, rank, port) for rank in (0, 1)}
    while running:
        child, status = os.wait()
        running.discard(child)
        if status:
            for other in running:
                os.kill(other, signal.SIGKILL)
            return 1
    return 0


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    sys.exit(_main(sys.argv[0]))
