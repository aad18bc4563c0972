"""Task "kinfacew": KinFaceW-I and -II with their five folds (Lu et al., "Neighborhood Repulsed Metric Learning", 2014).

Restricted protocol: pairs and folds as given. Nothing is trained here: of the four other folds only the threshold is
taken. Images are tight 64 px crops, aligned by hand-marked eyes; they go through detection as photos of a user do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from training.data.sets import KINFACE_FOLDERS, Pair, data_root, folder_crops, kinface_pairs
from training.evaluate.metrics import accuracy, auc, fold_accuracy, fold_ci, tar_table
from training.evaluate.report import head
from training.evaluate.scoring import Scored, encode_crops, score_pairs, unique_images
from training.evaluate.setup import CHOICE, Setup

PROTOCOL = (
    "KinFaceW-I and -II, restricted protocol, 5 folds as given, no training on them: the threshold of a fold is the "
    "best of the other four, each relation by itself; accuracy: mean over folds and the four relations, here over both "
    "sets; AUC: mean over relations; TAR: all pairs together; intervals: Student's t over the 5 folds. Detection and "
    f"alignment as in the app ({CHOICE}; the 64 px crops are enlarged and given a border; without a detectable face "
    "the crop is taken as ArcFace-framed). Caveat: the kin pairs of KinFaceW-II are cut from one photograph, and "
    "non-kin pairs are not: light, colour and compression tell them apart, so its figures flatter any method"
)


def kinfacew(setup: Setup) -> dict[str, Any]:
    """Both sets, each with its four relations."""
    root = data_root(setup.data)
    breakdown: dict[str, dict[str, Any]] = {}
    folds, whole, missed = [], [], 0
    for part in ("I", "II"):
        pairs = kinface_pairs(root, part)
        scored, undetected = _scored(setup, root, part, pairs)
        figures, per_fold = set_figures(scored, pairs, setup.sidecar.rule.threshold)
        breakdown |= {f"KinFaceW-{part}{f' {name}' if name else ''}": row for name, row in figures.items()}
        breakdown[f"KinFaceW-{part}"]["undetected"] = undetected
        folds.append(per_fold)
        whole.append(scored)
        missed += undetected
    score, same = (np.concatenate([getattr(s, key) for s in whole]) for key in ("score", "same"))
    return {
        **head("kinfacew", setup.sidecar, PROTOCOL),
        "pairs": len(same),
        "accuracy": float(np.mean(folds)),
        "accuracy_ci95": fold_ci(np.mean(folds, 0)),
        "accuracy_at_shipped_threshold": accuracy(score, same, setup.sidecar.rule.threshold),
        "auc": float(np.mean([breakdown[f"KinFaceW-{part}"]["auc"] for part in ("I", "II")])),
        "tar": tar_table(score, same),
        "undetected": missed,
        "breakdown": breakdown,
    }


def _scored(setup: Setup, root: Path, part: str, pairs: list[Pair]) -> tuple[Scored, int]:
    crops = folder_crops(root / f"KinFaceW-{part}" / "images", setup.model.spec, unique_images(pairs))
    return score_pairs(setup.model, encode_crops(setup.model, crops), pairs), int((~crops.found).sum())


def set_figures(scored: Scored, pairs: list[Pair], shipped: float) -> tuple[dict[str, dict[str, Any]], np.ndarray]:
    """Figures of one set, under "" for the whole and under each relation, and its (folds,) mean accuracy of relations.

    Args:
        shipped: threshold, for accuracy_at_shipped_threshold.
    """
    fold, relation = np.array([p.fold for p in pairs]), np.array([p.relation for p in pairs])
    parts, per_fold = {}, {}
    for name in KINFACE_FOLDERS:
        rows = relation == name
        score, same = scored.score[rows], scored.same[rows]
        per_fold[name] = fold_accuracy(score, same, fold[rows])
        parts[name] = _row(score, same, per_fold[name], shipped) | {"auc": auc(score, same)}
    mean = np.mean(list(per_fold.values()), 0)
    whole = _row(scored.score, scored.same, mean, shipped)
    return {"": {**whole, "auc": float(np.mean([v["auc"] for v in parts.values()]))}, **parts}, mean


def _row(score: np.ndarray, same: np.ndarray, per_fold: np.ndarray, shipped: float) -> dict[str, Any]:
    return {
        "pairs": len(same),
        "accuracy": float(per_fold.mean()),
        "accuracy_ci95": fold_ci(per_fold),
        "accuracy_at_shipped_threshold": accuracy(score, same, shipped),
        "tar": tar_table(score, same),
    }
