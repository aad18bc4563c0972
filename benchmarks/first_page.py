"""How long a visitor waits: from the start of the app to a page that can be used, and for each tab's first opening.

    python -m benchmarks.first_page [--runs 3]

A fresh app and a fresh Chromium each time; medians and all values in benchmarks/results/first_page.json. A tab counts
as open when its panel and what stands first in it are visible. The machine should have nothing else to do: the load
before each run is written down.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.screenshot import FLAGS
from benchmarks.speed import ROOT, machine, running_app

RESULTS = ROOT / "benchmarks" / "results" / "first_page.json"
TABS = {
    "Partial face": "#part-answer",
    "Attention": "#arms-answer",
    "Keypoints": "#kp-answer",
    "Expression": "#expression-answer",
    "Models": "#models table",
}
"""Tab -> what stands first in it."""
MOST_SWITCH = 1.5
"""Seconds that the first opening of a tab may take, on two cores."""
REST = 5.0
"""Seconds between two openings, for a reader; what the former tab began in the meantime is its own."""


def measured(browser: Any) -> Iterator[tuple[str, float]]:
    """(what, seconds) of one start."""
    with running_app() as (url, _, served):
        start = time.perf_counter() - served
        yield "first reply", served
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(url)
        page.get_by_role("tab", name="Models").first.wait_for()
        yield "page", time.perf_counter() - start
        page.wait_for_selector("#answer .ks-decision")
        yield "answer", time.perf_counter() - start
        page.wait_for_selector("#map-verdict .ks-readings")
        for name, first in TABS.items():
            page.wait_for_timeout(1000 * REST)
            begun = time.perf_counter()
            page.get_by_role("tab", name=name, exact=True).click()
            page.locator(first).first.wait_for(state="visible")
            yield f"tab {name}", time.perf_counter() - begun
        page.close()


def report(runs: list[dict[str, float]], loads: list[float]) -> dict[str, Any]:
    """Medians and all values, and whether every first opening of a tab kept to its limit."""
    rows = {
        name: {
            "median_s": round(statistics.median(r[name] for r in runs), 2),
            "all_s": [round(r[name], 2) for r in runs],
        }
        for name in runs[0]
    }
    tabs = [row["median_s"] for name, row in rows.items() if name.startswith("tab ")]
    return {
        "command": "python -m benchmarks.first_page",
        "date": date.today().isoformat(),
        "machine": machine(),
        "load_before": loads,
        "rows": rows,
        "tab_limit_s": MOST_SWITCH,
        "tabs_hold": max(tabs) <= MOST_SWITCH,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, default=RESULTS)
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    runs, loads = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for _ in range(args.runs):
            loads.append(round(os.getloadavg()[0], 2))
            runs.append(dict(measured(browser)))
        browser.close()
    found = report(runs, loads)
    for name, row in found["rows"].items():
        print(f"{name:24} {row['median_s']:6.2f} s  {row['all_s']}")
    args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
