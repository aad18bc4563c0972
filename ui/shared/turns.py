"""Which maps a session asked for last: a method that samples ends when others are asked for."""

from __future__ import annotations

from collections.abc import Callable

from ui.shared.held import SESSION, HeldForSessions

_TURNS: HeldForSessions[list[int]] = HeldForSessions(lambda: 1000)


def begin() -> None:
    """Other maps are asked for."""
    _own()[0] += 1


def watch() -> Callable[[], bool]:
    """A question to ask again: were other maps asked for since now?"""
    own = _own()
    turn = own[0]
    return lambda: own[0] != turn


def _own() -> list[int]:
    return _TURNS.get(SESSION.get(), lambda: [0])
