"""The evaluation tasks. A task is one function Setup -> report and one row of TASKS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.pair import PairModel
from models.weights import Sidecar
from training.data import (
    data_root,
    family_of,
    fiw_crops,
    fiw_val_pairs,
    folder_crops,
    lfw_pairs,
    read_pairs,
)
from training.evaluate.report import by_relation, figures, head
from training.evaluate.scoring import Scored, encode_crops, encode_photos, score_pairs, unique_images
from training.metrics import accuracy, auc, best_threshold, fold_accuracy, fold_ci

CHOICE = "of several faces the one nearest the image centre is taken"


@dataclass(frozen=True)
class Setup:
    """What a task gets.

    Attributes:
        model, sidecar: the trained model and what is known of it.
        data: --data as given, None to look for it.
        pairs, images: --pairs and --images, for the task "pairs".
    """

    model: PairModel
    sidecar: Sidecar
    data: Path | None = None
    pairs: Path | None = None
    images: Path | None = None


def lfw(setup: Setup) -> dict[str, Any]:
    """Same person or not on LFW: 6,000 pairs, ten folds, threshold from the other nine."""
    root = data_root(setup.data)
    pairs = lfw_pairs(root)
    crops = folder_crops(root / "lfw" / "images", setup.model.spec, unique_images(pairs))
    single, scored = (
        score_pairs(setup.model, encode_crops(setup.model, crops, mirror=mirror), pairs) for mirror in (False, True)
    )
    fold = np.array([p.fold for p in pairs])
    per_fold = fold_accuracy(scored.score, scored.same, fold)
    protocol = (
        "LFW view 2, deep-funnelled images cut to the central 192 px, detection and alignment as in the app "
        f"({CHOICE}); the code is the mean over the face and its mirror image (single_view: without); accuracy: mean "
        "over 10 folds, threshold from the other nine; interval: Student's t over folds"
    )
    return {
        **head("lfw", setup.sidecar, protocol),
        **figures(scored, setup.sidecar.threshold),
        "accuracy": float(per_fold.mean()),
        "accuracy_ci95": fold_ci(per_fold),
        "undetected": int((~crops.found).sum()),
        "single_view": {
            "accuracy": float(fold_accuracy(single.score, single.same, fold).mean()),
            "auc": auc(single.score, single.same),
            "accuracy_at_shipped_threshold": accuracy(single.score, single.same, setup.sidecar.threshold),
        },
        "breakdown": {f"fold {k + 1}": _fold(scored, fold == k, per_fold[k]) for k in range(len(per_fold))},
    }


def _fold(scored: Scored, rows: np.ndarray, value: float) -> dict[str, Any]:
    threshold = best_threshold(scored.score[~rows], scored.same[~rows])
    return {"pairs": int(rows.sum()), "accuracy": float(value), "threshold": threshold}


def kinship(setup: Setup) -> dict[str, Any]:
    """Kin or not on the validation pairs of Families In the Wild (RFIW task 1), eleven relations."""
    root = data_root(setup.data)
    pairs = fiw_val_pairs(root)
    crops = fiw_crops(root, "val", setup.model.spec, unique_images(pairs))
    scored = score_pairs(setup.model, encode_crops(setup.model, crops), pairs)
    protocol = (
        "FIW val_pairs (RFIW2020 task 1), images aligned by the ArcFace template they were stored on, as in training; "
        "accuracy at the shipped threshold; intervals: bootstrap over the families of image_a"
    )
    return _at_shipped(setup, "kinship", protocol, pairs, scored, [family_of(p.a) for p in pairs])


def _at_shipped(
    setup: Setup, task: str, protocol: str, pairs: list[Any], scored: Scored, groups: list[str]
) -> dict[str, Any]:
    """Report at the shipped threshold with the relations below and, where there are some, their plain mean."""
    threshold = setup.sidecar.threshold
    parts = by_relation(scored, pairs, threshold, groups)
    report = {**head(task, setup.sidecar, protocol), **figures(scored, threshold, groups)}
    if parts:
        report["mean_relation_accuracy"] = float(np.mean([v["accuracy"] for v in parts.values()]))
    return {**report, "breakdown": parts}


def pairs(setup: Setup) -> dict[str, Any]:
    """Any list of raw photos: CSV with image_a, image_b, kin (or same) and optionally relation."""
    if setup.pairs is None or setup.images is None:
        raise ValueError("the task pairs wants --pairs LIST.csv and --images DIR")
    listed = read_pairs(setup.pairs)
    names = unique_images(listed)
    codes, missed = encode_photos(setup.model, setup.images, names)
    scored = score_pairs(setup.model, codes, listed)
    protocol = (
        f"{setup.pairs.name}: raw photos, detection and alignment included ({CHOICE}; without a detectable face the "
        "largest central square is taken for an ArcFace-framed crop); accuracy at the shipped threshold; intervals: "
        "bootstrap over the top folders of image_a (over image_a itself where there is no folder)"
    )
    report = _at_shipped(setup, "pairs", protocol, listed, scored, [family_of(p.a) for p in listed])
    return {**report, "images": len(names), "undetected": len(missed), "undetected_images": missed}


@dataclass(frozen=True)
class Task:
    """A row of the table: the function and the task of the models it is meant for (None: any)."""

    run: Callable[[Setup], dict[str, Any]]
    about: str


TASKS: dict[str, Task] = {
    "lfw": Task(lfw, "same person or not on LFW, 10 folds"),
    "kinship": Task(kinship, "kin or not on FIW's validation pairs"),
    "pairs": Task(pairs, "any CSV list of raw photos"),
}
