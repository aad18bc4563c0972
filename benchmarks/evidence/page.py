"""The tables of docs/evidence.md: every method on every weight that was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.evidence.summary import ordered
from explain import EXPLAINERS
from training.docs.text import put, table
from training.studies.evidence_table import flips_of, share_of
from training.studies.wording import signed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evidence.md"
HEADS = ["method", "explains", "beats random orders", *("blur", "ROAD"), "flips at 1 %", "flips at 5 %"]
HEADS += ["alike, all weights shuffled", "alike, other partner", "s"]
"""Behind them stands how many pairs, or faces, a method was measured on."""
FILLS = ("blur", "road")
NOTHING = "No weight has been measured to the end yet: until then the app shows occlusion first, and no figure."


def write_page(report: Mapping[str, Any], path: Path = PAGE) -> None:
    """Put the tables of a report between the page's markers."""
    path.write_text(put(path.read_text(), "evidence", tables(report)))


def write_choices(report: Mapping[str, Any], path: Path = PAGE) -> None:
    """Put the table of benchmarks/evidence/cam_choices.py between its markers."""
    path.write_text(put(path.read_text(), "cam choices", choices(report)))


def write_patches(report: Mapping[str, Any], path: Path = PAGE) -> None:
    """Put the table of benchmarks/evidence/patch_choices.py between its markers."""
    path.write_text(put(path.read_text(), "patch choices", patches(report)))


def write_gradients(report: Mapping[str, Any], path: Path = PAGE) -> None:
    """Put the table of benchmarks/evidence/gradient_choices.py between its markers."""
    path.write_text(put(path.read_text(), "gradient choices", gradients(report)))


def write_parts(report: Mapping[str, Any], path: Path = PAGE) -> None:
    """Put the table of benchmarks/evidence/part_choices.py between its markers."""
    path.write_text(put(path.read_text(), "part choices", first_parts(report)))


def write_patched(report: Mapping[str, Any], path: Path = PAGE) -> None:
    """Put the tables of benchmarks/evidence/patched.py between their markers."""
    path.write_text(put(path.read_text(), "patched", found_patches(report)))


def found_patches(report: Mapping[str, Any]) -> str:
    """A table a weight: areas under both error rates, and by how much random orders' are larger."""
    parts = []
    for name, row in report["weights"].items():
        methods = dict(row["methods"])
        random = methods.pop("random")
        cells = [["method", "FMR, area", "less than random", "FNMR, area", "less than random"]]
        ranked = sorted(methods, key=lambda m: -sum(methods[m][rate]["sooner"]["mean"] for rate in RATES))
        for m in ranked:
            found = [(methods[m][rate]["area"], methods[m][rate]["sooner"]) for rate in RATES]
            cells.append([EXPLAINERS[m].title, *(text for a, s in found for text in (f"{100 * a:.0f}", signed(s)))])
        cells.append(["random orders", *(t for rate in RATES for t in (f"{100 * random[rate]['area']:.0f}", ""))])
        starts = ", ".join(f"{rate.upper()} {100 * random[rate]['start']:.0f}" for rate in RATES)
        counts = " and ".join(str(random[rate]["pairs"]) for rate in RATES)
        said = f"{counts} pairs of {row['source']}, different and the same; with all patches in place: {starts}."
        parts += [f"### Patches in faces, {name}", said, table(cells)]
    return "\n\n".join(parts)


RATES = ("fmr", "fnmr")


def patches(report: Mapping[str, Any]) -> str:
    """One table: a row a weight and a patch, and the map that stands beside it."""
    cells = [["network", "map", "patches a side", "answers a face", "beats random orders", "blur", "ROAD"]]
    for name, row in report["weights"].items():
        for r in row["rows"]:
            first = [name, f"patch 1/{r['patch']} of the side", str(r["side"]), str(r["answers"])]
            cells.append([*first, *(share_of(r[k]) for k in ("both", *FILLS))])
        beside = row["beside"]
        shares = (share_of(beside[k]) for k in ("both", *FILLS))
        cells.append([name, EXPLAINERS[beside["method"]].title, "", "1", *shares])
    said = [f"{name}: {row['count']} {row['unit']} of {row['source']}" for name, row in report["weights"].items()]
    return f"{table(cells)}\n\n{'; '.join(said)}."


def gradients(report: Mapping[str, Any]) -> str:
    """One table: a row a weight and a setting; what is shipped stands first of each weight."""
    cells = [["network", "varied", "s a face", "mean gain", "beats random orders", "blur", "ROAD"]]
    for name, row in report["weights"].items():
        for r in row["rows"]:
            shares = (share_of(r[k]) for k in ("both", *FILLS))
            cells.append([name, r["row"], f"{r['seconds']:.2f}", f"{r['gain']:.3f}", *shares])
    said = [f"{name}: {row['count']} {row['unit']} of {row['source']}" for name, row in report["weights"].items()]
    return f"{table(cells)}\n\n{'; '.join(said)}."


def first_parts(report: Mapping[str, Any]) -> str:
    """One table: a row a weight and an estimate, by how much a part's figure is off."""
    cells = [["network", "estimate", "sets of parts", "off by, median", "95 % within", "at most", "largest part, mean"]]
    for name, row in report["weights"].items():
        for r in row["rows"]:
            off = (f"{r[k]:.3f}" for k in ("median", "q95", "most"))
            cells.append([name, r["row"], str(r["sets"]), *off, f"{row['largest']:.3f} {row['target']}"])
    said = ", ".join(f"{name} {row['count']}" for name, row in report["weights"].items())
    return f"{table(cells)}\n\nPairs of {report['source']}, the first face: {said}."


def choices(report: Mapping[str, Any]) -> str:
    """A table a weight: what is varied, the choice, and the share of pairs with both fills and with each."""
    parts = []
    for name, row in report["weights"].items():
        cells = [["varied", "choice", "beats random orders", "blur", "ROAD"]]
        cells += [[r["what"], r["choice"], *(share_of(r[k]) for k in ("both", *FILLS))] for r in row["rows"]]
        parts += [
            f"### Choices on {name}",
            f"{row['count']} {row['unit']}. Target and smoothing are varied at {row['smoothed_at']}.",
            table(cells),
        ]
    return "\n\n".join(parts)


def tables(report: Mapping[str, Any]) -> str:
    """All weights together, then a table a weight; a word where none was measured."""
    if not report["weights"]:
        return NOTHING
    weights = report["weights"]
    return "\n\n".join([overview(weights), *(_weight(name, row) for name, row in weights.items())])


def overview(weights: Mapping[str, Any]) -> str:
    """A row a method: weights it was measured on, its mean share, on how many it beats random orders in most pairs."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in weights.values():
        for method, figures in row["methods"].items():
            found.setdefault(method, []).append(figures["beats_random"]["pairs"])
    best = Counter(row["best"] for row in weights.values())
    cells = [["method", "weights", "beats random orders, mean", "surely in most pairs", "surely in few", "best on"]]
    means = {method: sum(f["share"] for f in rows) / len(rows) for method, rows in found.items()}
    for method in sorted(found, key=lambda m: -means[m]):
        rows = found[method]
        most, few = (sum(f["ci95"][0] > 0.5 for f in rows), sum(f["ci95"][1] < 0.5 for f in rows))
        counts = [str(n) if n else "" for n in (most, few, best[method])]
        cells.append([EXPLAINERS[method].title, str(len(rows)), f"{100 * means[method]:.0f}", *counts])
    said = (
        "Surely in most pairs: the interval of the share lies above one half; surely in few: below. The number of "
        "pairs differs from method to method: the last column of the tables."
    )
    return f"### All weights\n\n{table(cells)}\n\n{said}"


def _weight(name: str, row: Mapping[str, Any]) -> str:
    methods = row["methods"]
    unit = row.get("unit", "pairs")
    cells = [[*HEADS, unit]]
    cells += [[EXPLAINERS[method].title, *_figures(methods[method])] for method in ordered(methods)]
    return f"### {name}\n\n{unit.capitalize()} of {row['source']}.\n\n{table(cells)}"


def _figures(figures: Mapping[str, Any]) -> list[str]:
    flips, sane = figures.get("flips"), figures.get("sanity")
    return [
        figures["target"],
        share_of(figures["beats_random"]["pairs"]),
        *(share_of(figures[fill]["beats_random"]["pairs"]) if fill in figures else "" for fill in FILLS),
        f"{100 * flips['map']['0.01']:.0f} ({100 * flips['random']['0.01']:.0f})" if flips else "",
        flips_of(figures),
        f"{sane['randomised']['1.0']:.2f}" if sane else "",
        f"{sane['partner']:.2f}" if sane and "partner" in sane else "",
        f"{figures['seconds']:.2f}",
        str(figures["beats_random"]["pairs"]["count"]),
    ]
