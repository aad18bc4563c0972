"""The report as one HTML page: pictures inside, no network, made to be read, printed and kept."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explain.core.findings import noticeably_better
from explain.core.measured import measured
from explain.core.templates import filled
from explain.core.words import TARGETS

TEMPLATE, FAMILY = "report.html", "family.html"
WORDS = ("on neither curve", "on one of two curves", "on both curves")
AREAS = ("deletion_auc", "random_deletion_auc", "insertion_auc", "random_insertion_auc")
LEFT, RIGHT, TOP, BOTTOM = 34, 332, 8, 156
"""Where curves are drawn, in the units of the template's drawing."""
COLOURS = {"deletion": "#b3261e", "insertion": "#1a5fb4"}


def report_page(folder: Path, values: Mapping[str, Any]) -> str:
    """The page for what a report's folder holds.

    Args:
        folder: with the pictures of explain/report/pair.py.
        values: what report.json holds.
    """
    given: dict[str, Any] = {
        "verdict": verdict,
        "targets": TARGETS,
        "lines": lines,
        "limits": limits,
        "inside": inside(folder, values.get("attention")),
    }
    given["record"] = lambda method: record(values["weight"], method)
    return _filled(TEMPLATE, folder, {**values, **given})


def family_page(folder: Path, values: Mapping[str, Any]) -> str:
    """The page for father, mother and child: the answer, what each pair adds, and the way to each pair's own report.

    Args:
        folder: with a report's folder for each pair.
        values: notice, question, parents, method, title, and what triplet.json holds.
    """
    return _filled(FAMILY, folder, {**values, "record": record(values["weight"], values["method"])})


def _filled(template: str, folder: Path, values: Mapping[str, Any]) -> str:
    given = {"vars": values, "image": lambda name: inline(folder / name)}
    return filled(Path(__file__).with_name(template), {**values, **given})


def inline(path: Path) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def record(weight: str, method: str) -> str:
    """How a method did on a weight, in a sentence."""
    known = measured(weight).get(method)
    if known is None:
        return "This method was not measured on this model."
    return f"On this model the method {known.words}{'' if known.trusted else ', which may not be most'}."


def verdict(face: str, curve: Mapping[str, Any]) -> str:
    """Is the map of one face better than random orders here?"""
    better = noticeably_better(*(curve[name] for name in AREAS))
    return f"Here the map of face {face.upper()} beats random orders {WORDS[sum(better)]}."


def limits(curve: Mapping[str, Any]) -> tuple[float, float]:
    """The lowest and the highest value of all four lines."""
    values = [y for name in COLOURS for y in (*curve[name], *curve[f"random_{name}"])]
    return min(values), max(values)


def lines(curve: Mapping[str, Any]) -> list[dict[str, str]]:
    """Deletion and insertion, and dashed the random orders: points of the template's drawing."""
    low, high = limits(curve)
    span = max(high - low, 1e-6)
    across = [LEFT + x * (RIGHT - LEFT) for x in curve["fraction"]]
    return [
        {
            "points": " ".join(
                f"{x:.1f},{BOTTOM - (y - low) / span * (BOTTOM - TOP):.1f}"
                for x, y in zip(across, curve[prefix + name], strict=True)
            ),
            "colour": colour,
            "dash": "4 3" if prefix else "none",
        }
        for name, colour in COLOURS.items()
        for prefix in ("", "random_")
    ]


def inside(folder: Path, attention: Mapping[str, Any] | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """(title, [(file, words)]) of what the model gave away: attention of a patch, links between the faces."""
    title = _patch(attention) if attention else ""
    found = [
        (title, [(p.name, f"Face {p.stem[-1].upper()}") for p in _of(folder, "query")]),
        ("The strongest links", [(p.name, f"From face {p.stem[-1].upper()}") for p in _of(folder, "links")]),
    ]
    return [(title, pictures) for title, pictures in found if pictures]


def _patch(attention: Mapping[str, Any]) -> str:
    """ "Where one patch reads: row 4, column 3, layer blocks.11, mean of its heads"."""
    row, column = (i + 1 for i in attention["query_row_column"])
    head = "mean of its heads" if attention["head"] == "mean" else f"head {attention['head']}"
    return f"Where one patch reads: row {row}, column {column}, layer {attention['layer']}, {head}"


def _of(folder: Path, word: str) -> list[Path]:
    return sorted(folder.glob(f"{word}_[a-c].png"))
