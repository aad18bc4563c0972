"""The table in docs/security.md, from the JSON that the command wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.hostile.running import ROOT
from training.docs.text import put, table

PAGE = ROOT / "docs" / "security.md"
RESULTS = ROOT / "benchmarks" / "results" / "hostile.json"
MARK = "hostile"
NAMES = ("joins", "large", "clients", "files", "soak")
"""Of the checks, in the order of the table."""


def page(results: Path = RESULTS, text: str | None = None) -> str:
    """The page with its table as the JSON has it."""
    found = json.loads(results.read_text()) if results.exists() else {}
    return put(PAGE.read_text() if text is None else text, MARK, figures(found))


def figures(found: dict[str, Any]) -> str:
    """Markdown: one table for all checks, then where the figures come from."""
    cells = [["check", "figure", "value", "limit", "holds"]]
    for check in found.values():
        for i, row in enumerate(check["figures"]):
            limit = "" if row["limit"] is None else _number(row["limit"], row["unit"])
            holds = "" if row["limit"] is None else "yes" if row["holds"] else "**no**"
            cells.append(
                [check["what"] if i == 0 else "", row["what"], _number(row["value"], row["unit"]), limit, holds]
            )
    origins = [
        f"- {check['what']}: commit {check['commit'][:7]}{'+changes' * ('+' in check['commit'])}, {check['date']}, "
        f"{check['machine']['cpu_count']} CPUs, load before the start {check['machine']['load_before']:g}"
        for check in found.values()
    ]
    missing = ", ".join(name for name in NAMES if name not in found)
    return "\n".join([table(cells), "", *origins, *([f"- Not measured yet: {missing}."] if missing else [])])


def _number(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.1f}"
    return f"{text} {unit}".rstrip()
