"""What a session asked for last: what grows, such as maps of a method that samples, ends when it asks for more."""

from __future__ import annotations

from collections.abc import Callable, Container
from threading import Lock

from ui.shared.held import SESSION, goes_with_sessions


class Turns:
    """How often each session asked, while it is there. Nothing here waits for networks."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._numbers: dict[str, int] = {}
        goes_with_sessions(self)

    def begin(self) -> None:
        """Another answer, or other maps, are asked for."""
        session = SESSION.get()
        with self._guard:
            self._numbers[session] = self._numbers.get(session, 0) + 1

    def watch(self) -> Callable[[], bool]:
        """A question to ask again: was anything else asked for since now?"""
        session = SESSION.get()
        turn = self._numbers.get(session, 0)
        return lambda: self._numbers.get(session, 0) != turn

    def keep(self, living: Container[str]) -> None:
        """Forget sessions that are not among `living`."""
        with self._guard:
            self._numbers = {s: number for s, number in self._numbers.items() if not s or s in living}

    def __len__(self) -> int:
        return len(self._numbers)


TURNS = Turns()
