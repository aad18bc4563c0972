"""Tasks "masked_lfw" and "mfr2": the same person or not, with drawn masks and with real ones.

masked_lfw: LFW's pairs plain, with a mask on the second image, and with masks on both. A mask is drawn on the photo
from the keypoints of the bare face (models/faces/occluders.py); kind, make and fit come from the seed and the photo's
own pixels, so that every model sees the same masks.
mfr2: people in real masks (Anwar and Raychowdhury, "Masked Face Recognition for Secure Authentication", 2020).
"""

from __future__ import annotations

import hashlib
import inspect
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

import models.faces.occluders
from models.faces.face import Face, InputSpec
from models.faces.occluders import MASKS, occlude
from training.data.crops import Crops, cached_crops
from training.data.detections import central_face, detector_source
from training.data.sets import Pair, data_root, folder_crops, identity_of, lfw_pairs, mfr2_masked, mfr2_pairs
from training.evaluate.metrics import accuracy, auc, best_threshold, bootstrap_ci, fold_accuracy, fold_ci, tar_at_far
from training.evaluate.report import head
from training.evaluate.scoring import Scored, encode_crops, score_pairs, unique_images
from training.evaluate.setup import CHOICE, Setup

SEED = 0
FARS = (1e-2, 1e-3)
FOLDS = 10
MASKED = "+mask"
"""What the name of an image ends with when its masked copy is meant."""
LFW_PROTOCOL = (
    "LFW view 2, deep-funnelled images cut to the central 192 px; masks (surgical, cloth, N95, one in three each; seed "
    f"{SEED} and the photo decide) drawn on the photo from the keypoints of the bare face, which alignment uses as "
    f"well ({CHOICE}); the code is the mean over the face and its mirror image; accuracy: mean over 10 folds, "
    "threshold from the other nine of the same condition; intervals: Student's t over folds, TAR: bootstrap over the "
    "person of image a. The figures at the top are those with the mask on one side (the second image)"
)
MFR2_PROTOCOL = (
    f"MFR2, 848 pairs, real masks, detection and alignment as in the app ({CHOICE}); the code is the mean over the "
    f"face and its mirror image; accuracy: {FOLDS} random folds of the pairs (seed {SEED}, mates and non-mates dealt "
    "apart), threshold from the other nine; intervals: bootstrap over the person of image a; by number of masked "
    "images: the same answers, split. TAR: over every pair of images (848 pairs have too few non-mates for FAR 0.001). "
    "Some people are in LFW as well: none is left out, as neither set is trained on or lends a threshold to the other"
)


def dressed_face(photo: np.ndarray, seed: int) -> Face:
    """The face nearest the centre in a mask that the seed and the photo's pixels decide."""
    face = central_face(photo)
    rng = np.random.default_rng([seed, zlib.crc32(np.ascontiguousarray(photo).tobytes())])
    kind = MASKS[rng.integers(len(MASKS))]
    return replace(face, photo=occlude(face.photo, face.keypoints, kind, rng).image)


def sources() -> str:
    """A hash of the code that finds faces and draws masks: another code, another cache."""
    folder = Path(inspect.getfile(models.faces.occluders)).parent
    files = [
        folder / "occluders.py",
        *sorted((folder / "worn").glob("*.py")),
    ]
    return hashlib.sha256(detector_source() + b"".join(f.read_bytes() for f in files)).hexdigest()[:16]


def masked_crops(folder: Path, spec: InputSpec, names: Sequence[str], seed: int = SEED) -> Crops:
    """The aligned faces of photos, each in a mask."""
    find = partial(dressed_face, seed=seed)
    return cached_crops(f"{folder.name}_masked_{sources()}", folder, names, spec, find)


def masked_lfw(setup: Setup) -> dict[str, Any]:
    """LFW's pairs plain, with one masked side, and with both."""
    root = data_root(setup.data)
    pairs, folder = lfw_pairs(root), root / "lfw" / "images"
    names = unique_images(pairs)
    plain, masked = (crops(folder, setup.model.spec, names) for crops in (folder_crops, masked_crops))
    codes = encode_crops(setup.model, plain, mirror=True) | _renamed(encode_crops(setup.model, masked, mirror=True))
    parts = {
        "plain": pairs,
        "one masked": [replace(p, b=p.b + MASKED) for p in pairs],
        "both masked": [replace(p, a=p.a + MASKED, b=p.b + MASKED) for p in pairs],
    }
    breakdown = {name: _fold_figures(setup, codes, listed) for name, listed in parts.items()}
    return {
        **head("masked_lfw", setup.sidecar, LFW_PROTOCOL),
        **breakdown["one masked"],
        "undetected": int((~plain.found).sum()),
        "breakdown": breakdown,
    }


def _renamed(codes: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name + MASKED: code for name, code in codes.items()}


def _fold_figures(setup: Setup, codes: dict[str, Tensor], pairs: list[Pair]) -> dict[str, Any]:
    """Figures of one list by its own folds."""
    scored = _scores(setup, codes, pairs)
    per_fold = fold_accuracy(scored.score, scored.same, np.array([p.fold for p in pairs]))
    return {
        "pairs": len(pairs),
        "accuracy": float(per_fold.mean()),
        "accuracy_ci95": fold_ci(per_fold),
        "accuracy_at_shipped_threshold": accuracy(scored.score, scored.same, setup.sidecar.rule.threshold),
        "auc": auc(scored.score, scored.same),
        **tars(scored, [identity_of(p.a) for p in pairs]),
    }


def _scores(setup: Setup, codes: dict[str, Tensor], pairs: list[Pair]) -> Scored:
    """The score where it asks for the same person, else the cosine in its place."""
    scored = score_pairs(setup.model, codes, pairs)
    return scored if setup.sidecar.task == "verification" else replace(scored, score=scored.similarity)


def tars(scored: Scored, groups: Sequence[str], rounds: int = 1000) -> dict[str, Any]:
    """TAR at each of FARS that the non-matching pairs can resolve, with 95 % bootstrap intervals over groups."""
    score, same = scored.score, scored.same
    found = [far for far in FARS if far * int((~same).sum()) >= 1]
    return {
        "tar": {f"{far:g}": tar_at_far(score, same, far) for far in found},
        "tar_ci95": {f"{far:g}": bootstrap_ci(partial(_tar_of, scored, far), groups, rounds) for far in found},
    }


def _tar_of(scored: Scored, far: float, rows: np.ndarray) -> float:
    return tar_at_far(scored.score[rows], scored.same[rows], far)


def mfr2(setup: Setup) -> dict[str, Any]:
    """MFR2's 848 pairs, and by how many of the two images are masked."""
    root = data_root(setup.data)
    pairs, masked = mfr2_pairs(root), mfr2_masked(root)
    names = sorted({*unique_images(pairs), *masked})
    crops = folder_crops(root / "mfr2", setup.model.spec, names)
    codes = encode_crops(setup.model, crops, mirror=True)
    scored, groups = _scores(setup, codes, pairs), [identity_of(p.a) for p in pairs]
    right = fold_verdicts(scored.score, scored.same, deal_folds(scored.same, FOLDS, SEED))
    count = np.array([masked[p.a] + masked[p.b] for p in pairs])
    parts = {f"{n} masked": _part(scored, right, groups, count == n) for n in range(3) if (count == n).any()}
    return {
        **head("mfr2", setup.sidecar, MFR2_PROTOCOL),
        **_part(scored, right, groups, np.ones(len(pairs), bool)),
        "accuracy_at_shipped_threshold": accuracy(scored.score, scored.same, setup.sidecar.rule.threshold),
        **_every_pair(setup, codes, names),
        "undetected": int((~crops.found).sum()),
        "breakdown": parts,
    }


def deal_folds(same: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(P,) fold numbers from 0: mates and non-mates shuffled and dealt out apart, so that every fold has both."""
    rng, fold = np.random.default_rng(seed), np.zeros(len(same), int)
    for kind in (True, False):
        rows = np.flatnonzero(same == kind)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % folds
    return fold


def fold_verdicts(score: np.ndarray, same: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """(P,) bool: is the pair decided rightly at the best threshold of the other folds?"""
    right = np.zeros(len(score), bool)
    for k in np.unique(fold):
        out = fold == k
        right[out] = (score[out] >= best_threshold(score[~out], same[~out])) == same[out]
    return right


def _part(scored: Scored, right: np.ndarray, groups: list[str], rows: np.ndarray) -> dict[str, Any]:
    """Figures of some of the pairs, at the folds' thresholds; AUC where there are both kinds of pair."""
    score, same, verdict = scored.score[rows], scored.same[rows], right[rows]
    chosen = [g for g, row in zip(groups, rows, strict=True) if row]
    values: dict[str, Any] = {
        "pairs": len(same),
        "matching": int(same.sum()),
        "accuracy": float(verdict.mean()),
        "accuracy_ci95": bootstrap_ci(lambda r: float(verdict[r].mean()), chosen),
    }
    if same.any() and not same.all():
        values["auc"] = auc(score, same)
        values["auc_ci95"] = bootstrap_ci(lambda r: auc(score[r], same[r]), chosen)
    return values


def _every_pair(setup: Setup, codes: dict[str, Tensor], names: Sequence[str], rounds: int = 300) -> dict[str, Any]:
    """TAR over all pairs of images."""
    pairs = [Pair(a, b, identity_of(a) == identity_of(b)) for a, b in combinations(names, 2)]
    scored = _scores(setup, codes, pairs)
    return {"image_pairs": len(pairs), **tars(scored, [identity_of(p.a) for p in pairs], rounds)}
