"""Large photos in parallel: what they take, and whether it comes back."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.hostile.client import ANSWERED, EXAMPLES, Outcome, Visitor, address, as_file, portrait
from benchmarks.hostile.figures import Figure, outcomes, words
from benchmarks.hostile.running import ROOT, App, Gauge, memory, running_app, settled

PHOTOS, GOES, MEGAPIXELS = 8, 2, 39.0
SHORT_PHOTOS, SHORT_MEGAPIXELS = 2, 6.0
PEAK, LEFT = 1500.0, 300.0
"""MB over idle that are allowed, and that may be left..."""
WAIT, SHORT_WAIT = 30.0, 2.0
"""...so many seconds after a go."""


def photo(name: str, megapixels: float, quality: int) -> bytes:
    """An example photo enlarged, as JPEG."""
    with Image.open(ROOT / "ui" / "examples" / name) as image:
        scale = float(np.sqrt(megapixels * 1e6 / (image.width * image.height)))
        large = image.resize((round(image.width * scale), round(image.height * scale)))
    out = io.BytesIO()
    large.save(out, "JPEG", quality=quality)
    return out.getvalue()


def large(short: bool) -> dict[str, Any]:
    """Detection on different large photos of as many clients, twice, after one small photo."""
    number, megapixels, wait = (SHORT_PHOTOS, SHORT_MEGAPIXELS, SHORT_WAIT) if short else (PHOTOS, MEGAPIXELS, WAIT)
    photos = [photo(EXAMPLES[i % 4], megapixels, 80 + i // 4) for i in range(number)]
    with running_app() as app:
        calls, peaks, left = asyncio.run(_goes(app, photos, wait))  # noqa: TID251  a process of its own
        faults = app.tracebacks()
    figures = [f for f in outcomes(calls) if f.what in ("calls", "errors", "95th percentile")]
    figures.append(Figure("not answered", sum(c.kind != ANSWERED for c in calls), "", 0))
    for go, (most, rest) in enumerate(zip(peaks, left, strict=True), 1):
        figures.append(Figure(f"most memory over idle, go {go}", most, "MB", PEAK))
        figures.append(Figure(f"memory over idle {wait:g} s after go {go}", rest, "MB", LEFT))
    return {
        "what": f"{number} photos of {megapixels:g} megapixels in parallel",
        "figures": [*figures, Figure("exceptions in the log", faults, "", 0)],
        "words": words(calls),
    }


async def _goes(app: App, photos: list[bytes], wait: float) -> tuple[list[Outcome], list[float], list[float]]:
    """(calls, most memory over idle in each go, what was left of it after each), MB."""
    visitors = [Visitor(app.url, address(i)) for i in range(len(photos))]
    first = as_file(await visitors[0].upload(portrait(EXAMPLES[0])))
    calls = [await visitors[0].call(*call) for call in (("kin_score", [first, first, "dlib_kin"]), ("detect", [first]))]
    idle, peaks, left = await asyncio.to_thread(settled, app.process), [], []
    for _ in range(GOES):
        with Gauge(app.process) as gauge:
            paths = await asyncio.gather(*(v.upload(p) for v, p in zip(visitors, photos, strict=True)))
            pairs = zip(visitors, paths, strict=True)
            calls += await asyncio.gather(*(v.call("detect", [as_file(path)]) for v, path in pairs))
        peaks.append(gauge.peak - idle)
        await asyncio.sleep(wait)
        left.append(memory(app.process) - idle)
    for visitor in visitors:
        await visitor.http.aclose()
    return calls, peaks, left
