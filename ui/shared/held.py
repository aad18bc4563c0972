"""What is made once and held for everybody on the page: networks, and the raw evidence of recent answers."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Container, Hashable
from contextvars import ContextVar
from threading import Lock
from typing import Generic, Protocol, TypeVar
from weakref import WeakSet

from models.faces.face import FaceBatch
from models.running import step

V = TypeVar("V")
SESSION: ContextVar[str] = ContextVar("kinsight_session", default="")
"""The session for which something is asked; "" for the examples, which are everybody's, and outside of the page."""


class Held(Generic[V]):
    """Values by key, the least recently used going first.

    A value is made once, whoever asks meanwhile waits for it; making one keeps nobody from another.

    Args:
        most: how many are held, asked anew whenever one is added.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._guard = Lock()
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._making: dict[Hashable, Lock] = {}

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key, from `make` when it is not held. Raises what `make` raises, and holds nothing then.

        Raises:
            BusyError, TooLongError: as models.running.step, when it is not held.
        """
        with self._guard:
            if key in self._values:
                return self._used(key)
            lock = self._making.setdefault(key, Lock())
        step()  # the turn comes first: who waits for one holds no lock that others with a turn wait for
        with lock:
            with self._guard:
                if key in self._values:
                    return self._used(key)
            value, most = make(), self._most()
            with self._guard:
                self._values[key] = value
                self._making.pop(key, None)
                while len(self._values) > max(1, most):
                    self._values.popitem(last=False)
            return value

    def _used(self, key: Hashable) -> V:
        self._values.move_to_end(key)
        return self._values[key]

    def holds(self, key: Hashable) -> bool:
        """Is the value of a key there now?"""
        with self._guard:
            return key in self._values

    def clear(self) -> None:
        """Hold nothing any more."""
        with self._guard:
            self._values.clear()

    def keys(self) -> list[Hashable]:
        """Of all values, the least recently used first."""
        return list(self._values)

    def __len__(self) -> int:
        return len(self._values)


class HeldForSessions(Held[V]):
    """Values that go with the last session that asked for them, whether there is room for them or not."""

    def __init__(self, most: Callable[[], int]) -> None:
        super().__init__(most)
        self._asked: dict[Hashable, set[str]] = {}
        goes_with_sessions(self)

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """As Held's, for the SESSION in force."""
        value = super().get(key, make)
        with self._guard:
            self._asked.setdefault(key, set()).add(SESSION.get())
            self._asked = {k: sessions for k, sessions in self._asked.items() if k in self._values}
        return value

    def keep(self, living: Container[str]) -> None:
        """Drop what was asked for by sessions alone that are not among `living`."""
        with self._guard:
            left = {k: {s for s in self._asked.get(k, ()) if not s or s in living} for k in self._values}
            self._asked = {k: sessions for k, sessions in left.items() if sessions}
            for key in left.keys() - self._asked.keys():
                del self._values[key]


class OfSessions(Protocol):
    """What goes with the sessions that it is for."""

    def keep(self, living: Container[str]) -> None:
        """Drop what is for sessions alone that are not among `living`."""


_EVERY: WeakSet[OfSessions] = WeakSet()


def goes_with_sessions(held: OfSessions) -> None:
    """From now on keep_for reaches it, as long as it is there."""
    _EVERY.add(held)


def keep_for(living: Container[str]) -> None:
    """OfSessions.keep, for everything of that kind in the process."""
    for held in list(_EVERY):
        held.keep(living)


def fingerprint(faces: FaceBatch) -> str:
    """sha256 of pixels and keypoints: equal for faces that every network answers alike."""
    parts = (t.detach().cpu().contiguous().numpy().tobytes() for t in (faces.image, faces.keypoints))
    return hashlib.sha256(b"".join(parts)).hexdigest()
