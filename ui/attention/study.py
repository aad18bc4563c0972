"""What was measured on the arms over whole data sets, beside what one photo shows: tables from the result files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from explain.attention.compare import ARMS
from models.weights import WeightError, read_sidecar

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
SETS = {"mfr2": "MFR2, real masks", "masked_lfw": "LFW, a drawn mask each"}


def study() -> str:
    """HTML of both studies, each empty where it was not run; that of attention also where other weights are in use."""
    return _attention() + _accuracy()


def _read(name: str) -> dict[str, Any] | None:
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return None
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def _in_use(weights: Mapping[str, str]) -> bool:
    """Is a report about the very weights that the page answers with?"""
    try:
        return all(read_sidecar(arm).sha256 == weights.get(arm) for arm in ARMS)
    except WeightError:
        return False


def _attention() -> str:
    """Where HiRes-CAM lies on all faces of a set, arm by arm, and what that says of the claim."""
    report = _read("attention_mass")
    if report is None or not _in_use(report["weights"]):
        return ""
    parts = []
    for name, found in report["sets"].items():
        regions = list(found["flat_map"])
        rows = [_row(ARMS[arm], [_share(cells[r]) for r in regions]) for arm, cells in found["mean"].items()]
        rows += [
            _row(_apart(name), [_points(cells[r]) for r in regions]) for name, cells in found["difference"].items()
        ]
        rows += [_row("a flat map", [f"{100 * found['flat_map'][r]:.1f} %" for r in regions])]
        counted = f"{SETS.get(name, name)}: {found['faces']:,} faces of {found['people']:,} people"
        parts.append(
            f"<p><b>{escape(counted)}.</b> “{escape(report['claim'])}”: <b>{escape(found['claim'])}</b>.</p>"
            + _table("network", regions, rows)
        )
    said = "Mean share of HiRes-CAM, where positive, with 95 % intervals over people; differences are paired by face."
    return f"{''.join(parts)}<p class='ks-caption'>{said} {escape(_sentence(report['regions']))}</p>"


def _accuracy() -> str:
    """What a gate changes, over training seeds: runs of their own, not the weights in use."""
    report = _read("gate_comparison")
    if report is None:
        return ""
    figures = list(next(iter(report["differences"].values())))
    rows = []
    runs = {gate: seeds for gate, seeds in report["runs"].items() if seeds}
    for gate, seeds in runs.items():
        means = [sum(row[f] for row in seeds.values()) / len(seeds) for f in figures]
        rows.append(_row(ARMS[f"edgeface_{gate}"], [f"{100 * value:.1f} %" for value in means]))
    for name, cells in report["differences"].items():
        rows.append(_row(_apart(name, "edgeface_"), [_points(cells[f]) for f in figures]))
    count = min(len(seeds) for seeds in runs.values())
    return (
        f"<p><b>Over {count} training seeds.</b> Shorter runs of their own from the same first network, not the "
        "networks that answer here: their means, and what a gate changes within a seed.</p>"
        f"{_table('network', figures, rows)}<p class='ks-caption'>{escape(_sentence(report['protocol']))} Intervals: "
        "95 %, Student's t over seeds; one that holds zero means that these runs cannot tell.</p>"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _apart(name: str, prefix: str = "") -> str:
    """Two arms' names with " - " between them, in the reader's words."""
    return " − ".join(ARMS[prefix + arm] for arm in name.split(" - "))


def _share(cell: Mapping[str, Any]) -> str:
    low, high = (100 * v for v in cell["ci95"])
    return f"{100 * cell['mean']:.1f} %<small>{low:.1f} to {high:.1f}</small>"


def _points(cell: Mapping[str, Any]) -> str:
    if cell["ci95"] is None:
        return f"{100 * cell['mean']:+.2f}"
    low, high = (100 * v for v in cell["ci95"])
    return f"{100 * cell['mean']:+.2f}<small>{low:+.2f} to {high:+.2f}</small>"


def _row(title: str, cells: list[str]) -> str:
    return f"<tr><th scope='row'>{escape(title)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _table(first: str, heads: list[str], rows: list[str]) -> str:
    titles = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    return (
        "<div class='ks-scroll'><table class='ks-table ks-arms'><thead>"
        f"<tr><th scope='col'>{first}</th>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
