"""Task "affine_lfw": LFW when faces are not aligned: loose detection crops, and rotation, scale and shift on purpose.

The question of Kim et al., "KeyPoint Relative Position Encoding for Face Recognition", CVPR 2024, asked of any network
that compares two faces: how much of its accuracy on aligned faces is left.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.faces.affine import LOOSE, Move, loose, moved
from models.faces.face import Face, FaceBatch
from models.faces.photo import open_photo
from models.pair import PairModel
from training.data.detections import central_face
from training.data.sets import Pair, data_root, lfw_pairs, need
from training.evaluate.metrics import fold_accuracy, fold_ci
from training.evaluate.precision import Precision, fastest
from training.evaluate.report import figures, head
from training.evaluate.scoring import Scored, score_pairs, unique_images
from training.evaluate.setup import CHOICE, Setup

BATCH = 32
JITTER = 0.03
"""Standard deviation of the noise on each keypoint, in sides of the crop: about a tenth of the distance of the eyes."""
PROTOCOL = (
    f"LFW view 2, images cut to the central 192 px (black beyond), detection as in the app ({CHOICE}), no mirror "
    f"view. aligned: five-point alignment; unaligned: the detector's box as an upright square, {LOOSE} times its "
    "longer side; rotation, scale, shift: the aligned crop moved by exactly so much, both images of a pair, each to a "
    "side drawn by its name (rotation: left or right; shift: any direction), cut from the photo. Keypoints are those "
    f"detected and move along; jittered: each with Gaussian noise of {JITTER:g} sides of the crop; template keypoints: "
    "those of a perfectly aligned face, wherever the face is. accuracy: mean over 10 folds, threshold from the other "
    "nine of the same condition; intervals: Student's t over folds, those of losses over the folds' differences"
)

Crop = Callable[[str, Face, PairModel], FaceBatch]


@dataclass(frozen=True)
class Condition:
    """One way to feed every face.

    Attributes:
        crop: image name, its face, the model -> the batch of one that is encoded.
        jitter: with noise on its keypoints.
        still: with the keypoints of an aligned face, the template's, in place of its own.
    """

    name: str
    crop: Crop
    jitter: bool = False
    still: bool = False

    @property
    def reads(self) -> bool:
        """Is it only for networks that read keypoints?"""
        return self.jitter or self.still


def conditions() -> list[Condition]:
    """All conditions, aligned first; the last ones are for networks that read keypoints."""
    plain = [Condition("aligned", _still), Condition("unaligned", lambda _, face, model: loose(face, model.spec))]
    plain += [Condition(f"rotation {angle}°", _turned(angle)) for angle in (15, 30, 45)]
    plain += [Condition(f"scale {scale:g}", _scaled(scale)) for scale in (0.7, 0.85, 1.2, 1.4)]
    plain += [Condition(f"shift {share:.0%}", _shifted(share)) for share in (0.1, 0.2)]
    still = [Condition(f"{c.name}, template keypoints", c.crop, still=True) for c in plain if c.name == "unaligned"]
    return plain + [Condition(f"{c.name}, jittered", c.crop, jitter=True) for c in plain] + still


def _still(_: str, face: Face, model: PairModel) -> FaceBatch:
    return moved(face, model.spec, Move())


def _turned(angle: float) -> Crop:
    return lambda name, face, model: moved(face, model.spec, Move(rotation=angle * _generator(name).choice([-1, 1])))


def _scaled(scale: float) -> Crop:
    return lambda _, face, model: moved(face, model.spec, Move(scale=scale))


def _shifted(share: float) -> Crop:
    def crop(name: str, face: Face, model: PairModel) -> FaceBatch:
        angle = _generator(name).uniform(0, 2 * np.pi)
        return moved(face, model.spec, Move(shift_x=share * np.cos(angle), shift_y=share * np.sin(angle)))

    return crop


def _generator(name: str, seed: int = 0) -> np.random.Generator:
    """The same draws for an image in every run and for every model."""
    return np.random.default_rng([zlib.crc32(name.encode()), seed])


def affine_lfw(setup: Setup) -> dict[str, Any]:
    """Every condition on LFW's 6,000 pairs, and what each costs against aligned faces."""
    root = data_root(setup.data)
    pairs = lfw_pairs(root)
    faces = Faces(root / "lfw" / "images", unique_images(pairs))
    reads = reads_keypoints(setup.model, faces)
    precision = fastest(setup.model, faces.sample(setup.model))
    asked = [c for c in conditions() if reads or not c.reads]
    scored = {c.name: _scored(setup.model, precision, faces, c, pairs) for c in asked}
    fold = np.array([p.fold for p in pairs])
    per_fold = {name: fold_accuracy(s.score, s.same, fold) for name, s in scored.items()}
    breakdown = {
        name: _row(s, per_fold[name], per_fold["aligned"], setup.sidecar.rule.threshold) for name, s in scored.items()
    }
    aligned = breakdown.pop("aligned")
    return {
        **head("affine_lfw", setup.sidecar, PROTOCOL),
        **aligned,
        "loss_unaligned": breakdown["unaligned"]["loss"],
        "loss_unaligned_ci95": breakdown["unaligned"]["loss_ci95"],
        "reads_keypoints": reads,
        "inference": precision.words,
        "undetected": int((~faces.found).sum()),
        "breakdown": breakdown,
    }


def _row(scored: Scored, per_fold: np.ndarray, aligned: np.ndarray, threshold: float) -> dict[str, Any]:
    """Figures of a condition; its loss pairs the folds with those of the aligned faces."""
    loss = aligned - per_fold
    return {
        **figures(scored, threshold),
        "per_fold": per_fold.tolist(),
        "accuracy": float(per_fold.mean()),
        "accuracy_ci95": fold_ci(per_fold),
        "loss": float(loss.mean()),
        "loss_ci95": fold_ci(loss),
    }


def _scored(
    model: PairModel, precision: Precision, faces: Faces, condition: Condition, pairs: Sequence[Pair]
) -> Scored:
    codes: list[Tensor] = []
    for start in tqdm(range(0, len(faces.names), BATCH), desc=condition.name, unit="batch"):
        crops = []
        for name, face in zip(faces.names[start : start + BATCH], faces.face[start : start + BATCH], strict=True):
            crop = condition.crop(name, face, model)
            crop = jittered(crop, name) if condition.jitter else crop
            crops.append(FaceBatch(crop.image, template(model)) if condition.still else crop)
        codes += precision.encode(model, FaceBatch.cat(crops))
    return score_pairs(model, dict(zip(faces.names, codes, strict=True)), pairs)


def template(model: PairModel) -> Tensor:
    """(1, 5, 2) keypoints in [0, 1] of a perfectly aligned face."""
    return torch.from_numpy((model.spec.points() + 0.5).astype(np.float32) / model.spec.size)[None]


def jittered(crop: FaceBatch, name: str) -> FaceBatch:
    """The same pixels with noise on every keypoint, drawn by the image's name."""
    noise = JITTER * _generator(name, seed=1).standard_normal(crop.keypoints.shape)
    return FaceBatch(crop.image, crop.keypoints + torch.from_numpy(noise.astype(np.float32)))


@torch.inference_mode()
def reads_keypoints(model: PairModel, faces: Faces) -> bool:
    """Does the code of a face change when its keypoints do?"""
    crop = moved(faces.face[0], model.spec, Move()).to(next(model.parameters()).device)
    other = jittered(crop.to("cpu"), faces.names[0]).keypoints.to(crop.keypoints.device)
    return not torch.equal(model.encode(crop.image, crop.keypoints), model.encode(crop.image, other))


class Faces:
    """The detected face of every image, with its photo: 0.85 GB for LFW.

    Attributes:
        names: of the images, relative to the folder.
        face: of every image.
        found: (N,) bool, False where no face was detected and default_face was used.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.names = tuple(names)
        bar = tqdm(names, desc="detecting", unit="face")
        self.face: list[Face] = [central_face(open_photo(need(folder / name))) for name in bar]
        self.found = np.array([face.confidence > 0 for face in self.face])

    def sample(self, model: PairModel) -> FaceBatch:
        """Thirty-two faces as `model` takes them, aligned, and as many that are not."""
        rows = np.linspace(0, len(self.names) - 1, min(32, len(self.names))).round().astype(int)
        faces = [self.face[row] for row in rows]
        return FaceBatch.cat([crop for f in faces for crop in (moved(f, model.spec, Move()), loose(f, model.spec))])
