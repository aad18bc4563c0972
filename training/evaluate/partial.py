"""Task "partial_lfw": LFW when only a part of a face is seen, the seven columns of Hörmann et al., ICIP 2021.

Protocols, boxes and the fill are those of models.faces.partial_crops: 6,000 pairs whole; whole against a part, the same
part twice, two different parts; parts in place or centred; nine sizes. A column is the plain mean over its combinations
of parts and its sizes, each with thresholds of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.faces.align import PARTIAL_160
from models.faces.partial_crops import (
    FACTORS,
    LANDMARKS,
    PROTOCOLS,
    WHOLE,
    Benchmark,
    benchmarks,
    box_around,
    pair_plan,
)
from models.pair import PairModel
from training.data.sets import Pair, data_root, folder_crops, lfw_pairs
from training.evaluate.metrics import accuracy, auc, fold_accuracy, fold_ci, tar_table
from training.evaluate.part_codes import Embedder
from training.evaluate.part_maps import part_maps, with_maps
from training.evaluate.report import head
from training.evaluate.scoring import sigmoid, unique_images
from training.evaluate.setup import CHOICE, Setup

PARTIAL = tuple(p for p in PROTOCOLS if p != "holistic")
PROTOCOL = (
    f"PartialLFW: LFW view 2, images cut to the central 192 px, detection ({CHOICE}) and five-point alignment to the "
    "protocol's 160 px template{frame}; {factors}; {pairs}; no mirror view; pairs are ranked by the {rank}. A column: "
    "plain mean over its combinations of parts and sizes, each over 10 folds with the threshold of the other nine; "
    "intervals: Student's t over folds. The figures at the top are the plain mean of the six partial columns"
)


@dataclass(frozen=True)
class Figures:
    """One benchmark's.

    Attributes:
        pairs: how many were compared.
        per_fold: (folds,) accuracy.
        auc: area under the ROC.
        tar: FAR as text -> TAR.
        at_shipped: accuracy at the weight's own threshold.
    """

    pairs: int
    per_fold: np.ndarray
    auc: float
    tar: dict[str, float]
    at_shipped: float


def columns() -> dict[str, tuple[str, bool]]:
    """Heading -> protocol and whether parts are centred; seven."""
    plain = {protocol: (protocol, False) for protocol in PROTOCOLS}
    return plain | {f"{protocol}, centred": (protocol, True) for protocol in PARTIAL}


def partial_lfw(setup: Setup) -> dict[str, Any]:
    """All seven columns, accuracy by size, and with --maps what the part maps do."""
    check(setup)
    root = data_root(setup.data)
    every = lfw_pairs(root)
    crops = folder_crops(root / "lfw" / "images", PARTIAL_160, unique_images(every))
    pairs = evenly(every, setup.limit)
    maps = {"maps": part_maps(setup.model, crops)} if setup.maps else {}
    embedder = Embedder(setup.model, crops)
    found = run_all(setup, embedder, pairs)
    breakdown = {name: column(found, *place) for name, place in columns().items()}
    return {
        **head("partial_lfw", setup.sidecar, protocol(setup, len(pairs), len(every))),
        **overall([breakdown[name] for name, (kind, _) in columns().items() if kind in PARTIAL]),
        "inference": embedder.precision.words,
        "undetected": int((~crops.found).sum()),
        **maps,
        "by_area": by_area(found),
        "breakdown": {name: _shown(values) for name, values in breakdown.items()},
    }


def check(setup: Setup) -> None:
    """Before anything takes long.

    Raises:
        ValueError: a size that the protocol does not have, or --maps for a network without part maps.
    """
    if not setup.factors or set(setup.factors) - set(FACTORS):
        raise ValueError(f"--factors takes some of {' '.join(f'{f:g}' for f in FACTORS)}")
    if setup.maps:
        with_maps(setup.model)


def protocol(setup: Setup, pairs: int, every: int) -> str:
    """The protocol in words, with what was left out of it."""
    shown = ", ".join(f"{f:g}" for f in sorted(setup.factors))
    left = len(FACTORS) - len(set(setup.factors))
    return PROTOCOL.format(
        factors=f"factors {shown}" + (f" ({left} of the protocol's nine left out)" if left else ""),
        pairs=f"all {every:,} pairs" if pairs == every else f"{pairs:,} of {every:,} pairs, evenly from every fold",
        frame="" if setup.model.spec == PARTIAL_160 else ", from there to the network's own, black beyond",
        rank="score" if setup.sidecar.task == "verification" else "cosine of the embeddings",
    )


def evenly(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """`count` of the pairs, as many of every fold and kind, evenly spaced in the list's order; 0 for all.

    Raises:
        ValueError: the count does not divide, or there are not so many.
    """
    if not count:
        return list(pairs)
    kinds = [(p.fold, p.same) for p in pairs]
    groups = [[i for i, kind in enumerate(kinds) if kind == k] for k in dict.fromkeys(kinds)]
    each, rest = divmod(count, len(groups))
    if rest or not 0 < each <= min(map(len, groups)):
        raise ValueError(f"--limit takes a multiple of {len(groups)}, at most {len(pairs)}")
    rows = [group[i] for group in groups for i in np.linspace(0, len(group) - 1, each).round().astype(int)]
    return [pairs[i] for i in sorted(rows)]


def run_all(setup: Setup, embedder: Embedder, pairs: Sequence[Pair]) -> dict[Benchmark, Figures]:
    """Every benchmark of the chosen sizes; a face is embedded once for each part, size and place it is needed in."""
    names = unique_images(pairs)
    rows, number = np.array([embedder.crops.row[n] for n in names]), {n: i for i, n in enumerate(names)}
    sides = np.array([(number[p.a], number[p.b]) for p in pairs])  # (P, 2) rows of the codes
    whole = embedder.part(rows, WHOLE, 0, False)
    runs = [run for place in columns().values() for run in benchmarks(*place)]
    runs = [run for run in runs if run.protocol == "holistic" or run.factor in setup.factors]
    found = {}
    for (factor, centred), group in groupby(sorted(runs, key=_sizes), key=_sizes):
        wanted = list(group)
        parts = sorted({part for run in wanted for part in (run.first, run.second)} - {WHOLE})
        codes = {WHOLE: whole} | {part: embedder.part(rows, part, factor, centred) for part in parts}
        found.update({run: figures_of(setup, run, codes, sides, pairs) for run in wanted})
    return found


def _sizes(run: Benchmark) -> tuple[float, bool]:
    return run.factor, run.centred


def figures_of(
    setup: Setup, run: Benchmark, codes: dict[str, Tensor], sides: np.ndarray, pairs: Sequence[Pair]
) -> Figures:
    """One benchmark from the codes of its parts.

    Args:
        codes: part -> (N, ...).  sides: (P, 2) rows of the codes, first and second face of each pair.
    """
    plan = pair_plan(run, len(pairs))  # (N, 2)
    first, second = (sides[plan[:, 0], (plan[:, 1] + side) % 2] for side in (0, 1))
    probability, cosine = compared(setup.model, codes[run.first], codes[run.second], first, second)
    score = probability if setup.sidecar.task == "verification" else cosine
    same, fold = (np.array([getattr(p, key) for p in pairs])[plan[:, 0]] for key in ("same", "fold"))
    return Figures(
        len(same),
        fold_accuracy(score, same, fold),
        auc(score, same),
        tar_table(score, same),
        accuracy(probability, same, setup.sidecar.rule.threshold),
    )


@torch.inference_mode()
def compared(
    model: PairModel, x: Tensor, y: Tensor, first: np.ndarray, second: np.ndarray, size: int = 4096
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) probabilities, mean over both orders, and (N,) cosines of rows `first` of x with rows `second` of y."""
    device, score, cosine = next(model.parameters()).device, [], []
    for start in range(0, len(first), size):
        part = slice(start, start + size)
        output = model.compare(x[first[part]].to(device), y[second[part]].to(device))
        score.append(sigmoid(output.logit.double().cpu().numpy()).mean(1))
        cosine.append(output.similarity.double().cpu().numpy())
    return np.concatenate(score), np.concatenate(cosine)


def mean_figures(found: Sequence[Figures]) -> dict[str, Any]:
    """The plain mean over benchmarks; TAR at those FARs that all of them can resolve."""
    per_fold = np.mean([f.per_fold for f in found], 0)
    fars = [far for far in found[0].tar if all(far in f.tar for f in found)]
    return {
        "runs": len(found),
        "pairs": sum(f.pairs for f in found),
        "accuracy": float(per_fold.mean()),
        "accuracy_ci95": fold_ci(per_fold),
        "accuracy_at_shipped_threshold": float(np.mean([f.at_shipped for f in found])),
        "auc": float(np.mean([f.auc for f in found])),
        "tar": {far: float(np.mean([f.tar[far] for f in found])) for far in fars},
        "per_fold": per_fold,
    }


def column(found: dict[Benchmark, Figures], kind: str, centred: bool) -> dict[str, Any]:
    """Mean figures of one column."""
    return mean_figures([f for run, f in found.items() if (run.protocol, run.centred) == (kind, centred)])


def overall(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Plain mean of columns."""
    per_fold = np.mean([p["per_fold"] for p in parts], 0)
    fars = [far for far in parts[0]["tar"] if all(far in p["tar"] for p in parts)]
    means = {key: float(np.mean([p[key] for p in parts])) for key in ("accuracy_at_shipped_threshold", "auc")}
    return {
        "pairs": sum(p["pairs"] for p in parts),
        "accuracy": float(per_fold.mean()),
        "accuracy_ci95": fold_ci(per_fold),
        **means,
        "tar": {far: float(np.mean([p["tar"][far] for p in parts])) for far in fars},
    }


def _shown(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON: what each fold gave stays, so that networks can be compared fold by fold."""
    return values | {"per_fold": values["per_fold"].tolist()}


def by_area(found: dict[Benchmark, Figures]) -> list[dict[str, Any]]:
    """A row for each partial column and size: visible area (mean over the combinations' partial faces), accuracy."""
    rows = []
    for name, place in columns().items():
        runs = {run: f for run, f in found.items() if (run.protocol, run.centred) == place and run.factor}
        for factor in sorted({run.factor for run in runs}):
            part = {run: f for run, f in runs.items() if run.factor == factor}
            mean = mean_figures(list(part.values()))
            area = float(np.mean([visible(run) for run in part]))
            kept = {k: mean[k] for k in ("accuracy", "accuracy_ci95")}
            rows.append({"column": name, "factor": factor, "visible": area, **kept})
    return rows


def visible(run: Benchmark) -> float:
    """Fraction of the 160 px image that is visible, mean over the sides of a pair that are partial."""
    parts = [part for part in (run.first, run.second) if part != WHOLE]
    return float(np.mean([box_around(LANDMARKS[part], run.factor).visible() for part in parts]))
