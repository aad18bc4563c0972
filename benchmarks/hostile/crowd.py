"""Many clients for minutes, and many joins at once."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.hostile.client import EXAMPLES, Outcome, Visitor, address, as_file, portrait
from benchmarks.hostile.figures import Figure, outcomes, words
from benchmarks.hostile.running import App, running_app

CLIENTS, SECONDS, JOINS = 50, 300.0, 1000
SHORT_CLIENTS, SHORT_SECONDS, SHORT_JOINS = 6, 6.0, 120
OWN_JOINS = 50
"""Joins of one client; what a client may send at once is tested elsewhere."""


def calls_of(a: str, b: str) -> list[tuple[str, list[Any]]]:
    """The five endpoints with two uploaded photos."""
    first, second = as_file(a), as_file(b)
    return [
        ("kin_score", [first, second, "dlib_kin"]),
        ("kin_search", [first, [second], "dlib_kin"]),
        ("partial_face", [first, second, "nose", 0.3, False, 0, False]),
        ("compare_attention", [first, None, "surgical", 0, "grad_cam", ""]),
        ("moved_face", [first, 20, 1, 0, 0, True]),
    ]


async def _client(app: App, number: int, seconds: float) -> list[Outcome]:
    found = []
    async with Visitor(app.url, address(number)) as visitor:
        paths = [await visitor.upload(portrait(EXAMPLES[(number + k) % 4], 60 + number % 30)) for k in (0, 1)]
        calls, end = calls_of(*paths), time.monotonic() + seconds
        while time.monotonic() < end:
            found.append(await visitor.call(*calls[(number + len(found)) % 5]))
    return found


def clients(short: bool) -> dict[str, Any]:
    """Clients with an address each call five endpoints, one call at a time, each waiting for its answer."""
    number, seconds = (SHORT_CLIENTS, SHORT_SECONDS) if short else (CLIENTS, SECONDS)

    async def all_of_them(app: App) -> list[list[Outcome]]:
        return await asyncio.gather(*(_client(app, i, seconds) for i in range(number)))

    with running_app() as app:
        calls = [c for own in asyncio.run(all_of_them(app)) for c in own]  # noqa: TID251  a process of its own
        faults = app.tracebacks()
    return {
        "what": f"{number} clients for {seconds / 60:g} minutes over five endpoints",
        "figures": [*outcomes(calls), Figure("exceptions in the log", faults, "", 0)],
        "words": words(calls),
    }


def joins(short: bool) -> dict[str, Any]:
    """So many calls at once that most must be refused."""
    number = SHORT_JOINS if short else JOINS

    async def at_once(app: App) -> list[Outcome]:
        visitors = [Visitor(app.url, address(i)) for i in range(-(-number // OWN_JOINS))]
        photos = [as_file(await v.upload(portrait(EXAMPLES[0]))) for v in visitors]
        found = await asyncio.gather(
            *(visitors[i // OWN_JOINS].call("detect", [photos[i // OWN_JOINS]]) for i in range(number))
        )
        for visitor in visitors:
            await visitor.http.aclose()
        return list(found)

    with running_app() as app:
        calls = asyncio.run(at_once(app))  # noqa: TID251  a process of its own
        faults = app.tracebacks()
    return {
        "what": f"{number:,} joins at once",
        "figures": [*outcomes(calls), Figure("exceptions in the log", faults, "", 0)],
        "words": words(calls),
    }
