"""Thousands of mixed requests and hundreds of sessions: memory stays flat, and no file is left."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import httpx
import numpy as np

from benchmarks.hostile.client import EXAMPLES, Outcome, Visitor, address, as_file, portrait
from benchmarks.hostile.crowd import calls_of
from benchmarks.hostile.figures import Figure, outcomes, words
from benchmarks.hostile.running import App, memory, running_app

REQUESTS, SESSIONS = 2000, 500
SHORT_REQUESTS, SHORT_SESSIONS = 40, 10
AT_ONCE = 4
WARM = 0.25
"""Share of the requests after which memory is compared with the end."""
WINDOW = 0.1
"""Share of the requests over which memory is averaged, there and at the end."""
GROWTH, SHORT_GROWTH = 5.0, 50.0
"""Percent that are allowed; in the short form little is warm."""
MIX = (0, 0, 0, 1, 5, 0, 2, 6, 0, 3, 0, 1, 5, 0, 4, 6)
"""Requests in turn: 0 to 4 the five endpoints, 5 detection, 6 a broken file."""
PAGES = 40
"""Of one address; the app lets it open more."""
OLD, SWEPT = 5 * 3600.0, 180.0
"""Age in seconds beyond which no upload is kept, and the time in which the sweeper must have been."""


def soak(short: bool) -> dict[str, Any]:
    """Requests from several clients at once, and between them pages that open, take a photo and close."""
    number, sessions = (SHORT_REQUESTS, SHORT_SESSIONS) if short else (REQUESTS, SESSIONS)
    with running_app() as app:
        calls, levels = asyncio.run(_run(app, number, sessions))  # noqa: TID251  a process of its own
        faults = app.tracebacks()
        swept = [] if short else [Figure("files left by the sweeper, all of them made old", _after_sweep(app), "", 0)]
        code, left = app.stop()
    width = max(1, round(WINDOW * len(levels)))
    warm = round(WARM * len(levels))
    before, after = float(np.median(levels[warm : warm + width])), float(np.median(levels[-width:]))
    return {
        "what": f"{number:,} mixed requests and {sessions} sessions",
        "figures": [
            *outcomes(calls),
            Figure("memory after warm-up", before, "MB"),
            Figure("memory at the end", after, "MB"),
            Figure("growth", 100 * (after / before - 1), "%", SHORT_GROWTH if short else GROWTH),
            *swept,
            Figure("files left when the app has ended", left, "", 0),
            Figure("exit code", abs(code), "", 0),
            Figure("exceptions in the log", faults, "", 0),
        ],
        "words": words(calls),
        "levels_mb": [round(v) for v in levels[:: max(1, len(levels) // 100)]],
    }


async def _run(app: App, number: int, sessions: int) -> tuple[list[Outcome], list[float]]:
    """(what became of every request and event, memory in MB after every request)."""
    levels: list[float] = []
    turns = iter(range(number))
    every = number // sessions
    events = {e["api_name"]: e["id"] for e in _config(app)["dependencies"]}

    async def worker(own: int) -> list[Outcome]:
        found = []
        async with Visitor(app.url, address(own)) as visitor:
            paths = [await visitor.upload(portrait(EXAMPLES[k], 70 + own)) for k in (0, 2)]
            for turn in turns:
                found.append(await _request(visitor, paths, turn))
                if turn % every == 0:
                    found += await _session(app, turn // every, events)
                levels.append(memory(app.process))
        return found

    calls = await asyncio.gather(*(worker(i) for i in range(AT_ONCE)))
    return [c for own in calls for c in own], levels


def _config(app: App) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{app.url}config", timeout=60).json()
    return found


async def _request(visitor: Visitor, paths: list[str], turn: int) -> Outcome:
    from benchmarks.hostile.mutations import mutated  # as in files.py

    kind = MIX[turn % len(MIX)]
    if kind < 5:
        return await visitor.call(*calls_of(*paths)[kind])
    data = portrait(EXAMPLES[turn % 4], 60 + turn % 35) if kind == 5 else mutated(turn)[0]
    return await visitor.call("detect", [as_file(await visitor.upload(data))])


async def _session(app: App, number: int, events: dict[str, int]) -> list[Outcome]:
    """A page that opens, takes a photo and closes; few pages from one address."""
    session = f"page{number:06d}"
    async with Visitor(app.url, address(100 + number // PAGES)) as visitor, visitor.page(session):
        photo = as_file(await visitor.upload(portrait(EXAMPLES[number % 4], 60 + number % 35)))
        noticed = await visitor.event(session, events["notice"], [photo, None, None])
        return [noticed, await visitor.event(session, events["take_photo"], [None])]


def _after_sweep(app: App) -> int:
    """Make every upload OLD, as if nobody had come since -> how many are there after the next sweeps."""
    for path in app.files():
        os.utime(path, (time.time() - OLD,) * 2)
    end = time.monotonic() + SWEPT
    while app.files() and time.monotonic() < end:
        time.sleep(1)
    return len(app.files())
