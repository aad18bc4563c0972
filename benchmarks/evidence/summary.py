"""From records to figures: in which share of pairs a map beats a random order, and by how much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from benchmarks.evidence.curves import RANDOM
from benchmarks.evidence.game import flip_rates
from explain.core.measured import preferred, rank

Z = 1.959964
"""Of a two-sided interval of 95 %."""


def area(curve: Sequence[float]) -> float:
    """Area under a curve over [0, 1], trapezoid."""
    y = np.asarray(curve, np.float64)
    return float((y[1:] + y[:-1]).mean() / 2)


def gains(own: list[list[float]], random: list[list[float]]) -> tuple[float, float]:
    """How much sooner the answer falls (deletion), and rises (insertion), than in random orders."""
    return area(random[0]) - area(own[0]), area(own[1]) - area(random[1])


def wilson(hits: int, count: int) -> list[float]:
    """95 % interval of a share (Wilson, 1927)."""
    share, z2 = hits / count, Z * Z
    middle = share + z2 / (2 * count)
    half = Z * sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return [(middle - half) / (1 + z2 / count), (middle + half) / (1 + z2 / count)]


def mean_with_interval(values: Sequence[float]) -> dict[str, Any]:
    """Mean and its 95 % interval (normal)."""
    v = np.asarray(values, np.float64)
    half = Z * float(v.std(ddof=1)) / sqrt(len(v)) if len(v) > 1 else float("nan")
    return {"mean": float(v.mean()), "ci95": [float(v.mean()) - half, float(v.mean()) + half]}


def summarise(records: Sequence[dict[str, Any]], threshold: float | None) -> dict[str, Any]:
    """Method -> figures of one weight.

    Args:
        records: of one weight, "same" and "pair" in each; every method has its random orders on the same pair.
        threshold: of the score, for the accuracy that is left when pixels go; None for classes.
    """
    random = {r["pair"]: r for r in records if r["method"] == RANDOM}
    by_method: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for r in records:
        if r["method"] != RANDOM and r["pair"] in random:
            by_method[r["method"]].append(r)
    return {method: _figures(rows, random, threshold) for method, rows in by_method.items()}


def _figures(rows: list[dict[str, Any]], random: dict[int, dict[str, Any]], threshold: float | None) -> dict[str, Any]:
    fills = list(rows[0]["curves"])
    beats = {r["pair"]: {f: _beats(r, random[r["pair"]], f) for f in fills} for r in rows}
    same = {r["pair"]: r["same"] for r in rows}
    groups = {
        "pairs": list(beats),
        "same": [p for p in beats if same[p] is True],
        "different": [p for p in beats if same[p] is False],
    }
    figures: dict[str, Any] = {
        "target": rows[0]["target"],
        "seconds": float(np.median([r["seconds"] for r in rows])),
        "beats_random": {g: _share([all(beats[p].values()) for p in pairs]) for g, pairs in groups.items() if pairs},
    }
    games = [[g for r in group for g in r.get("game", [])] for group in (rows, [random[r["pair"]] for r in rows])]
    if games[0]:
        figures["flips"] = {
            "map": next(iter(flip_rates(games[0]).values())),
            "random": next(iter(flip_rates(games[1]).values())),
            "parts_played": len(games[0]),
        }
    if sane := [r["sanity"] for r in rows if "sanity" in r]:
        figures["sanity"] = {
            "pairs": len(sane),
            "randomised": {d: float(np.mean([s["randomised"][d] for s in sane])) for d in sane[0]["randomised"]},
            **({"partner": float(np.mean([s["partner"] for s in sane]))} if "partner" in sane[0] else {}),
            "again": max(s["again"] for s in sane),
        }
    for fill in fills:
        both = [gains(*(x["curves"][fill][r["target"]] for x in (r, random[r["pair"]]))) for r in rows]
        figures[fill] = {
            "beats_random": {g: _share([beats[p][fill] for p in pairs]) for g, pairs in groups.items() if pairs},
            "deletion_gain": mean_with_interval([d for d, _ in both]),
            "insertion_gain": mean_with_interval([i for _, i in both]),
        }
        if threshold is not None:
            beside = [{**random[r["pair"]], "same": r["same"]} for r in rows]
            figures[fill]["accuracy_area"] = {
                name: [accuracy_area(x, fill, k, threshold) for k in (0, 1)]
                for name, x in (("map", rows), ("random", beside))
            }
    return figures


def _beats(record: dict[str, Any], random: dict[str, Any], fill: str) -> bool:
    """Is it better than the mean of the random orders on both curves?"""
    target = record["target"]
    return min(gains(record["curves"][fill][target], random["curves"][fill][target])) > 0


def _share(hits: list[bool]) -> dict[str, Any]:
    return {"share": sum(hits) / len(hits), "ci95": wilson(sum(hits), len(hits)), "count": len(hits)}


def accuracy_area(records: Sequence[dict[str, Any]], fill: str, curve: int, threshold: float) -> float:
    """Area under the accuracy of the decision (curve 0: deletion, 1: insertion) against the share of pixels.

    Lu et al., "Towards Visual Saliency Explanations of Face Verification", WACV 2024.
    """
    scores = np.array([r["curves"][fill]["score"][curve] for r in records])  # (P, steps + 1)
    same = np.array([r["same"] for r in records])[:, None]
    return area(((scores >= threshold) == same).mean(0).tolist())


def best_method(figures: dict[str, Any]) -> str | None:
    """The method that explain.core.measured prefers; None without any."""
    rows = [(m, f["beats_random"]["pairs"], f["seconds"]) for m, f in figures.items()]
    found = [(method, pairs["share"], pairs["ci95"][0], seconds) for method, pairs, seconds in rows]
    return preferred(found) if found else None


def ordered(figures: Mapping[str, Any]) -> list[str]:
    """Methods, the best first."""
    return sorted(figures, key=lambda m: rank(m, figures[m]["beats_random"]["pairs"]["ci95"][0], figures[m]["seconds"]))
