"""Tasks that run networks in one process: how many at once, and for how long each.

    with task(seconds=180):
        ...                 # every Tap and every look of the detector is a step

A task takes its turn at the first step and keeps it to its end, so memory and processors are shared by a few.
Outside of a task (command lines, training) a step does nothing: nothing waits there, and nothing is ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import BoundedSemaphore

from models.errors import UserError

AT_ONCE = 2
"""Tasks with a turn, unless at_once says otherwise."""
PATIENCE = 60.0
"""Seconds that a task waits for its turn."""
BUSY = "The app is busy with the tasks of others. Please try again in a minute."
STOPPED = "This was stopped."
TOO_LONG = "This took more than {:.0f} seconds and was ended. Please try it with fewer or smaller photos."


class BusyError(UserError):
    """No turn within PATIENCE."""


class TooLongError(UserError):
    """A task went on beyond its time."""


class StoppedError(UserError):
    """A task went on after its end: whoever asked for it wants it no more."""


class Task:
    """One task: its turn and its end.

    Args:
        seconds: from its turn to its end.
        patience: seconds to wait for the turn.
    """

    def __init__(self, seconds: float, patience: float) -> None:
        self._seconds, self._patience, self._until = seconds, patience, 0.0
        self._turn: BoundedSemaphore | None = None
        self._ended = False

    def step(self) -> None:
        """Take the turn, or go on with it. Raises as running.step."""
        if self._ended:
            raise StoppedError(STOPPED)
        if self._turn is None:
            turns = _TURNS
            if not turns.acquire(timeout=self._patience):
                raise BusyError(BUSY)
            self._turn, self._until = turns, time.monotonic() + self._seconds
            if self._ended:  # while it waited
                self.end()
                raise StoppedError(STOPPED)
        elif time.monotonic() > self._until:
            raise TooLongError(TOO_LONG.format(self._seconds))

    def end(self) -> None:
        """Give the turn back. A thread that still works for the task, and nobody waits for, ends at its next step."""
        self._ended = True
        if self._turn is not None:
            self._turn.release()
            self._turn = None


_TURNS = BoundedSemaphore(AT_ONCE)
_TASK: ContextVar[Task | None] = ContextVar("kinsight_task", default=None)


def at_once(number: int) -> None:
    """Let so many tasks have a turn at the same time, from now on."""
    global _TURNS
    _TURNS = BoundedSemaphore(number)


@contextmanager
def task(seconds: float, patience: float = PATIENCE) -> Iterator[None]:
    """What runs in this block, in threads with its context too, is one task; within a task it is part of that one."""
    if _TASK.get() is not None:
        yield
        return
    own = Task(seconds, patience)
    before = _TASK.set(own)
    try:
        yield
    finally:
        _TASK.reset(before)
        own.end()


def step() -> None:
    """A network is about to work.

    Raises:
        BusyError: the task got no turn.  TooLongError: it is beyond its time.  StoppedError: it has ended.
    """
    current = _TASK.get()
    if current is not None:
        current.step()
