"""The live camera of a running app: frames a second, and memory over minutes: `python -m benchmarks.live`.

One client sends frames as the page does, the next one when the last is answered. Prints a table and, with --json,
writes it.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import statistics
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from benchmarks.speed import live_frames, machine, one_megapixel, row, running_app
from ui.expression.live import EVERY, LIVE_SECONDS, PREFIX

API = "gradio_api"
TARGET = 6.0
"""Frames a second."""
GROWTH = 20.0
"""MiB, from the end of the first fifth to the end."""


def answers(client: httpx.Client, session: str) -> Iterator[dict[str, Any]]:
    """The messages of a session's event."""
    with client.stream("GET", f"{API}/queue/data", params={"session_hash": session}, timeout=60) as reply:
        for line in reply.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line[5:])


def stream(client: httpx.Client, page: dict[str, Any], frames: list[str], seconds: float) -> list[float]:
    """Send frames until the stream ends or its time is over -> the times at which they were answered."""
    (event,) = [d for d in page["dependencies"] if d["connection"] == "stream"]
    (load, *_) = [d for d in page["dependencies"] if any(kind == "load" for _, kind in d["targets"])]
    session, found, number, until = uuid.uuid4().hex[:11], [], 0, time.monotonic() + seconds
    opening = {"fn_index": load["id"], "data": [None] * len(load["inputs"]), "session_hash": session}
    client.post(f"{API}/queue/join", json=opening).raise_for_status()

    def sent() -> dict[str, Any]:
        nonlocal number
        number += 1
        data = [{"url": frames[number % len(frames)]}, "expression", "leading", None]
        return {"fn_index": event["id"], "data": data, "session_hash": session}

    joined = client.post(f"{API}/queue/join", json=sent()).json()["event_id"]
    for message in answers(client, session):
        if message.get("event_id") != joined:
            continue
        if message["msg"] == "process_completed":
            break
        if message["msg"] == "process_streaming":
            found.append(time.monotonic())
            if found[-1] > until:
                client.post(f"{API}/stream/{joined}/close")
                break
            time.sleep(EVERY / 2)  # on average, until the page looks again
            client.post(f"{API}/stream/{joined}", json=sent())
    return found


def measure(seconds: float) -> list[dict[str, Any]]:
    """Frames a second, memory of the app after the warm-up, and how it grows."""
    with TemporaryDirectory() as folder, running_app() as (address, process, _):
        frames = [PREFIX + base64.b64encode(f).decode() for f in live_frames(one_megapixel(Path(folder))[0])]
        with httpx.Client(base_url=address) as client:
            page, end = client.get("config").json(), time.monotonic() + seconds
            paces: list[float] = []
            resident: list[float] = []
            while (left := end - time.monotonic()) > 1:
                times = stream(client, page, frames, min(left, LIVE_SECONDS))
                paces += [1 / (b - a) for a, b in itertools.pairwise(times[5:])]
                resident.append(_memory(process))
    settled = resident[max(0, len(resident) // 5 - 1)]
    return [
        {
            **row("frames a second, median", statistics.median(paces), TARGET, "/s"),
            "holds": statistics.median(paces) >= TARGET,
        },
        row(f"resident memory after {seconds:.0f} s of streaming", resident[-1], 1.3 * 1024, "MiB"),
        row("growth after the first fifth", resident[-1] - settled, GROWTH, "MiB"),
    ]


def _memory(process: psutil.Process) -> float:
    """Resident MiB."""
    return float(process.memory_info().rss / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = measure(args.seconds)
    for r in rows:
        print(f"{r['what']:<48}{r['value']:>10} {r['unit']:<4} {'ok' if r['holds'] else 'OVER'}")
    if args.json:
        args.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
