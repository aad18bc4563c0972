"""The figures of benchmarks/results/search.json as a table in docs/search.md: `python -m benchmarks.search_page`."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.speed import ROOT
from training.docs.text import put

RESULTS, PAGE = ROOT / "benchmarks" / "results" / "search.json", ROOT / "docs" / "search.md"
WORDS = {
    "recall100": "recall@100 against all cosines",
    "query_median_s": "query of the top 100, median, s",
    "load_s": "loading index and networks, s",
    "memory_mb": "memory of the process, libraries and networks included, MB",
    "photos_a_second": "photos a second, wall",
    "lost": "photos without a name in the index",
    "doubles": "contents that are there twice",
}


def table(found: dict[str, Any]) -> str:
    """Markdown: figures with their limits, the forms of the vectors, RFIW task 3, and sizes."""
    lines = ["| check | figure | limit | holds |", "|---|---|---|---|"]
    groups = {"a million synthetic faces": found.get("million", {})}
    groups |= {f"indexing, {k}": v for k, v in found.get("indexed", {}).items() if isinstance(v, dict)}
    groups |= {"10,000 photos, killed once": found.get("archive", {})}
    for name, group in groups.items():
        for key, cell in group.items():
            if isinstance(cell, dict):
                holds = "yes" if cell["holds"] else "**no**"
                lines.append(f"| {name}: {WORDS[key]} | {cell['value']:g} | {cell['limit']:g} | {holds} |")
        if "photos_a_second_of_two_cores" in group:
            lines.append(f"| {name}: photos for two seconds of CPU | {group['photos_a_second_of_two_cores']:g} |  |  |")
    lines += ["", "| form of the vectors | lists read | recall@100 | ms, one thread | MB |", "|---|---|---|---|---|"]
    for kind, row in found.get("forms", {}).items():
        if isinstance(row, dict):
            cells = kind, row["lists"] or "all", f"{row['recall100']:.3f}", f"{row['ms']:g}", row["mb"]
            lines.append("| `{}` | {} | {} | {} | {} |".format(*cells))
    lines += ["", "| FIW val (RFIW task 3) | mAP | rank@5 |", "|---|---|---|"]
    for name, row in found.get("relatives", {}).items():
        if isinstance(row, dict):
            lines.append(f"| {name} | {row['map']:.4f} | {row['rank5']:.4f} |")
    lines += ["", "| weight | KB of facts and codes for each face |", "|---|---|"]
    kb = found.get("sizes", {}).get("kb_a_face", {})
    for size in sorted(set(kb.values()), reverse=True):
        lines.append(f"| {', '.join(f'`{name}`' for name in kb if kb[name] == size)} | {size:g} |")
    parts = ((name, part) for name, part in found.items() if isinstance(part, dict))
    loads = ", ".join(f"{name} {part['load_before']:g}" for name, part in parts)
    return "\n".join([*lines, "", f"Load of the machine (two cores) before each part: {loads}."])


def write() -> None:
    """Put the table into the page."""
    PAGE.write_text(put(PAGE.read_text(), "search", table(json.loads(RESULTS.read_text()))))


if __name__ == "__main__":
    write()
