"""The evaluation tasks. A task is one function Setup -> report and one row of TASKS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.nets.expression import Expression
from training.data.sets import (
    Pair,
    data_root,
    family_of,
    fiw_crops,
    fiw_val_pairs,
    folder_crops,
    identity_of,
    lfw_pairs,
    read_pairs,
)
from training.evaluate.affine import affine_lfw
from training.evaluate.area_plot import draw_by_area
from training.evaluate.expression_sets import ckplus, jaffe
from training.evaluate.ferplus import fer2013, ferplus
from training.evaluate.kinfacew import kinfacew
from training.evaluate.masked import masked_lfw, mfr2
from training.evaluate.metrics import accuracy, auc, best_threshold, fold_accuracy, fold_ci
from training.evaluate.partial import partial_lfw
from training.evaluate.report import at_threshold, figures, head
from training.evaluate.scoring import Scored, encode_crops, encode_photos, score_pairs, unique_images, with_mirror
from training.evaluate.search import search
from training.evaluate.setup import CHOICE, RAW, Setup
from training.evaluate.subgroups import Divisions, looks_of, of_photos, of_relations, subgroups
from training.evaluate.tri import tri


def lfw(setup: Setup) -> dict[str, Any]:
    """Same person or not on LFW: 6,000 pairs, ten folds, threshold from the other nine."""
    root = data_root(setup.data)
    pairs = lfw_pairs(root)
    crops = folder_crops(root / "lfw" / "images", setup.model.spec, unique_images(pairs))
    plain = encode_crops(setup.model, crops)
    single, both = (
        identity_scores(setup, score_pairs(setup.model, codes, pairs))
        for codes in (plain, with_mirror(setup.model, crops, plain))
    )
    fold = np.array([p.fold for p in pairs])
    per_fold = fold_accuracy(both.score, both.same, fold)
    protocol = (
        "LFW view 2, deep-funnelled images cut to the central 192 px, detection and alignment as in the app "
        f"({CHOICE}); the code is the mean over the face and its mirror image (single_view: without); accuracy: mean "
        "over 10 folds, threshold from the other nine; interval: Student's t over folds"
    )
    if setup.sidecar.task != "verification":
        protocol += "; pairs are ranked by the cosine of the embeddings: this network was not trained to verify"
    else:
        protocol += "; subgroups: single view, shipped threshold, intervals: bootstrap over the person of image a"
    return {
        **head("lfw", setup.sidecar, protocol),
        **figures(both, setup.sidecar.rule.threshold),
        "accuracy": float(per_fold.mean()),
        "accuracy_ci95": fold_ci(per_fold),
        "undetected": int((~crops.found).sum()),
        "single_view": {
            "accuracy": float(fold_accuracy(single.score, single.same, fold).mean()),
            "auc": auc(single.score, single.same),
            "accuracy_at_shipped_threshold": accuracy(single.score, single.same, setup.sidecar.rule.threshold),
        },
        "subgroups": _of_people(setup, root, pairs, single),
        "breakdown": {f"fold {k + 1}": _fold(both, fold == k, per_fold[k]) for k in range(len(per_fold))},
    }


def identity_scores(setup: Setup, scored: Scored) -> Scored:
    """The score where it asks for the same person; else the cosine, which then stands in its place."""
    return scored if setup.sidecar.task == "verification" else replace(scored, score=scored.similarity)


def _of_people(setup: Setup, root: Path, pairs: list[Pair], scored: Scored) -> dict[str, Any]:
    """Subgroups by what the photos show; of a network that was not trained to verify none: its threshold is another."""
    if setup.sidecar.task != "verification":
        return {}
    photos = of_photos(pairs, looks_of(root / "lfw" / "images", pairs), sizes=True)
    return subgroups(scored, setup.sidecar.rule.threshold, [identity_of(p.a) for p in pairs], photos)


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
    looks = looks_of(root / "fiw" / "val", pairs)
    return _at_shipped(setup, "kinship", protocol, pairs, scored, of_photos(pairs, looks, sizes=False))


def pairs(setup: Setup) -> dict[str, Any]:
    """Any list of raw photos: CSV with image_a, image_b, kin (or same) and optionally relation."""
    if setup.pairs is None or setup.images is None:
        raise ValueError("the task pairs wants --pairs LIST.csv and --images DIR")
    listed = read_pairs(setup.pairs, setup.images)
    names = unique_images(listed)
    codes, missed = encode_photos(setup.model, setup.images, names)
    scored = score_pairs(setup.model, codes, listed)
    protocol = (
        f"{setup.pairs.name}: {RAW}; accuracy at the shipped threshold; intervals: "
        "bootstrap over the top folders of image_a (over image_a itself where there is no folder)"
    )
    looks = looks_of(setup.images, listed)
    report = _at_shipped(setup, "pairs", protocol, listed, scored, of_photos(listed, looks, sizes=True))
    return {**report, "images": len(names), "undetected": len(missed), "undetected_images": missed}


def _at_shipped(
    setup: Setup, task: str, protocol: str, listed: list[Pair], scored: Scored, photos: Divisions
) -> dict[str, Any]:
    """Report at the shipped threshold with the relations and the subgroups below."""
    first, groups = head(task, setup.sidecar, protocol), [family_of(p.a) for p in listed]
    relations, threshold = [p.relation for p in listed], setup.sidecar.rule.threshold
    report = at_threshold(first, scored, relations, threshold, groups)
    return {**report, "subgroups": subgroups(scored, threshold, groups, {**of_relations(relations), **photos})}


def of_expressions(task: str, run: Callable[[Expression, Path], dict[str, Any]]) -> Callable[[Setup], dict[str, Any]]:
    """A task about expressions, with the first lines of every report."""

    def report(setup: Setup) -> dict[str, Any]:
        found = run(setup.expression, data_root(setup.data))
        return {**head(task, setup.sidecar, found["protocol"]), **found}

    return report


@dataclass(frozen=True)
class Task:
    """A row of the table: the function, what it is about, and what draws its report into a PNG, where one does."""

    run: Callable[[Setup], dict[str, Any]]
    about: str
    draw: Callable[[dict[str, Any], Path], None] | None = None


TASKS: dict[str, Task] = {
    "lfw": Task(lfw, "same person or not on LFW, 10 folds"),
    "masked_lfw": Task(masked_lfw, "the same with drawn masks on one side and on both, plain beside it"),
    "affine_lfw": Task(affine_lfw, "LFW unaligned, turned, scaled and shifted; with jittered keypoints"),
    "partial_lfw": Task(partial_lfw, "LFW with a part of the face left, in place and centred, by size", draw_by_area),
    "mfr2": Task(mfr2, "same person or not in real masks, by number of masked images"),
    "kinship": Task(kinship, "kin or not on FIW's validation pairs"),
    "tri": Task(tri, "father, mother and child on FIW's validation triplets, or --triplets LIST.csv of raw photos"),
    "search": Task(search, "find the relatives of FIW's validation members in a gallery"),
    "kinfacew": Task(kinfacew, "kin or not on KinFaceW-I and -II, 5 folds"),
    "pairs": Task(pairs, "any CSV list of raw photos"),
    "ferplus": Task(of_expressions("ferplus", ferplus), "which expression do most of ten people name, on FER+"),
    "fer2013": Task(of_expressions("fer2013", fer2013), "FER2013's own labels, on PrivateTest"),
    "ckplus": Task(of_expressions("ckplus", ckplus), "posed expressions of other people, on CK+"),
    "jaffe": Task(of_expressions("jaffe", jaffe), "posed expressions of other people, on JAFFE"),
}
