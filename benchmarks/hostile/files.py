"""Mutated files: read as the app reads them, and a part of them sent to the running app."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import psutil

from benchmarks.hostile.client import FAILED, Outcome, Visitor, address, as_file, portrait
from benchmarks.hostile.figures import Figure, outcomes, words
from benchmarks.hostile.running import ROOT, App, Gauge, memory, running_app, settled

FILES, SHORT_FILES = 10_000, 60
EVERY = 10
"""Of the files every tenth goes through the running app too, detection and search included."""
SLOW, MEMORY = 10.0, 700.0
"""Seconds a file and MB over the start that are allowed."""
AT_ONCE = 4


def files(short: bool) -> dict[str, Any]:
    """Both ways; the seeds are 0 to NUMBER - 1."""
    number = SHORT_FILES if short else FILES
    bad, read_peak = _read(number)
    seeds = list(range(0, number, EVERY))
    calls, sent_peak, faults = _send(seeds)
    slow = [row for row in bad if row["seconds"] > SLOW]
    said = outcomes(calls)
    return {
        "what": f"{number:,} mutated files (images and zips, seeds 0 to {number - 1:,})",
        "seeds": [0, number - 1],
        "figures": [
            Figure("exceptions that are not the app's own", sum(bool(row["fault"]) for row in bad), "", 0),
            Figure(f"files over {SLOW:g} s", len(slow), "", 0),
            Figure("memory over the start, decoder included", read_peak, "MB", MEMORY),
            Figure("of them sent to the running app", len(seeds)),
            Figure("errors there", sum(c.kind == FAILED for c in calls) + faults, "", 0),
            Figure("refused in words there", next(f.value for f in said if f.what == "refused in words")),
            Figure("longest answer there", max(c.seconds for c in calls), "s", None if short else SLOW),
            Figure("memory over the start there", sent_peak, "MB", MEMORY),
        ],
        "words": words(calls),
        "slow_or_bad": bad[:50],
    }


def _read(number: int) -> tuple[list[dict[str, Any]], float]:
    """What the reading process says of bad files, and how much its memory rose, MB."""
    command = [sys.executable, "-m", "benchmarks.hostile.reading", str(number)]
    # decoders tell stderr about every damaged file; how the reader ends is told by its code
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as reader:
        assert reader.stdout is not None
        assert json.loads(reader.stdout.readline())["ready"]
        process = psutil.Process(reader.pid)
        start = memory(process)
        with Gauge(process) as gauge:
            bad = [json.loads(line) for line in reader.stdout]
    if reader.returncode:
        bad.append({"seed": None, "seconds": 0, "fault": f"the reader ended with code {reader.returncode}"})
    return bad, max(gauge.peak - start, 0)


def _send(seeds: list[int]) -> tuple[list[Outcome], float, int]:
    """(what became of each, rise of memory in MB, exceptions in the log)."""

    async def all_of_them(app: App) -> tuple[list[Outcome], float]:
        async with Visitor(app.url, address(0)) as first:
            good = as_file(await first.upload(portrait("obama_2012.jpg")))
            await first.call("detect", [good])
            await first.call("kin_search", [good, [good], "dlib_resnet"])
        start, waiting = await asyncio.to_thread(settled, app.process), iter(seeds)
        with Gauge(app.process) as gauge:
            found = await asyncio.gather(*(_sender(app, i + 1, waiting) for i in range(AT_ONCE)))
        return [c for own in found for c in own], max(gauge.peak - start, 0)

    with running_app() as app:
        calls, rise = asyncio.run(all_of_them(app))  # noqa: TID251  a process of its own
        return calls, rise, app.tracebacks()


async def _sender(app: App, number: int, seeds: Any) -> list[Outcome]:
    from benchmarks.hostile.mutations import mutated  # the readers come with torch, which no other check waits for

    found = []
    async with Visitor(app.url, address(number)) as visitor:
        probe = as_file(await visitor.upload(portrait("obama_2012.jpg")))
        for seed in seeds:
            data, is_zip = mutated(seed)
            start = time.perf_counter()
            try:
                file = as_file(await visitor.upload(data, "g.zip" if is_zip else "photo.jpg"))
            except Exception as error:
                found.append(Outcome(FAILED, f"seed {seed}: {error!r}", time.perf_counter() - start))
                continue
            call = ("kin_search", [probe, [file], "dlib_resnet"]) if is_zip else ("detect", [file])
            found.append(await visitor.call(*call))
            if found[-1].kind == FAILED:
                found[-1] = Outcome(FAILED, f"seed {seed}: {found[-1].words}", found[-1].seconds)
    return found
