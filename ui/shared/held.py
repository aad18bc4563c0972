"""What is made once and held for everybody on the page: networks, and the raw evidence of recent answers."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from models.faces.face import FaceBatch

V = TypeVar("V")


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
        """The value of a key, from `make` when it is not held. Raises what `make` raises, and holds nothing then."""
        with self._guard:
            if key in self._values:
                return self._used(key)
            lock = self._making.setdefault(key, Lock())
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

    def clear(self) -> None:
        """Hold nothing any more."""
        with self._guard:
            self._values.clear()

    def __len__(self) -> int:
        return len(self._values)


def fingerprint(faces: FaceBatch) -> str:
    """sha256 of pixels and keypoints: equal for faces that every network answers alike."""
    parts = (t.detach().cpu().contiguous().numpy().tobytes() for t in (faces.image, faces.keypoints))
    return hashlib.sha256(b"".join(parts)).hexdigest()
