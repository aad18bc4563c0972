"""From image names to scores: every image is aligned and encoded once, every pair is compared once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.faces.face import FaceBatch
from models.faces.photo import open_photo
from models.pair import PairModel
from training.data.crops import Crops
from training.data.detections import central_face
from training.data.sets import Pair, need


@dataclass(frozen=True)
class Scored:
    """Answers to a list of pairs or triplets.

    Attributes:
        score: (P,) float64 calibrated probability, of pairs the mean over both orders.
        similarity: (P,) float64 cosine, of triplets the mean over both pairs.
        same: (P,) bool.
    """

    score: np.ndarray
    similarity: np.ndarray
    same: np.ndarray


def unique_images(pairs: Sequence[Pair]) -> list[str]:
    """Every image of a pair list once, sorted."""
    return sorted({name for p in pairs for name in (p.a, p.b)})


def encode(model: PairModel, faces: FaceBatch, mirror: bool) -> Tensor:
    """Codes of a batch on the CPU; with `mirror` the mean of the codes of the face and of its mirror image.

    A code that is a map (B, C, h, w) is mirrored back before the mean.
    """
    device = next(model.parameters()).device
    both = [faces, faces.mirrored()] if mirror else [faces]
    codes = [model.encode(f.image.to(device), f.keypoints.to(device)).cpu() for f in both]
    if mirror and codes[1].ndim == 4:
        codes[1] = codes[1].flip(3)
    return torch.stack(codes).mean(0) if mirror else codes[0]


@torch.inference_mode()
def encode_all(
    model: PairModel,
    count: int,
    batch_of: Callable[[range], FaceBatch],
    what: str = "encoding",
    size: int = 32,
    mirror: bool = False,
) -> Tensor:
    """Codes of images 0..count-1 in order, (count, ...) on the CPU, with a progress bar."""
    codes = []
    with tqdm(total=count, desc=what, unit="face") as bar:
        for start in range(0, count, size):
            codes.append(encode(model, batch_of(range(start, min(start + size, count))), mirror))
            bar.update(len(codes[-1]))
    return torch.cat(codes)


def encode_crops(
    model: PairModel, crops: Crops, names: Sequence[str] | None = None, mirror: bool = False
) -> dict[str, Tensor]:
    """Image name -> code, for all crops or those named."""
    names = crops.names if names is None else names
    rows = np.array([crops.row[n] for n in names])
    codes = encode_all(model, len(names), lambda part: crops.batch(rows[part]), mirror=mirror)
    return dict(zip(names, codes, strict=True))


def with_mirror(model: PairModel, crops: Crops, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The codes of all crops as encode_crops gives them -> what it gives with `mirror`, for half the work."""
    flipped = encode_all(model, len(crops), lambda part: crops.batch(part).mirrored())
    flipped = flipped.flip(3) if flipped.ndim == 4 else flipped
    return {name: torch.stack([codes[name], code]).mean(0) for name, code in zip(crops.names, flipped, strict=True)}


def encode_photos(model: PairModel, folder: Path, names: Sequence[str]) -> tuple[dict[str, Tensor], list[str]]:
    """Photos as a user would bring them: detected (the face nearest the centre), aligned, encoded.

    Returns:
        Image name -> code, and the names of images without a detectable face (models.default_face was used).

    Raises:
        DataError: an image is missing.  PhotoError: an image cannot be read.
    """
    missed: list[str] = []

    def batch_of(rows: range) -> FaceBatch:
        faces = [(names[i], central_face(open_photo(need(folder / names[i])))) for i in rows]
        missed.extend(name for name, face in faces if face.confidence == 0)
        return FaceBatch.cat([face.aligned(model.spec) for _, face in faces])

    codes = encode_all(model, len(names), batch_of, "detecting and encoding")
    return dict(zip(names, codes, strict=True)), missed


@torch.inference_mode()
def compare_all(
    model: PairModel, codes: Mapping[str, Tensor], pairs: Sequence[tuple[str, str]], size: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Compare every pair of names in both orders.

    Returns:
        (P, 2) float64 calibrated log-odds, columns as in PairOutput.logit, and (P,) float64 cosines.
    """
    device = next(model.parameters()).device
    logit, similarity = [], []
    for start in tqdm(range(0, len(pairs), size), desc="comparing", unit="batch", leave=False):
        sides = zip(*pairs[start : start + size], strict=True)
        x, y = (torch.stack([codes[n] for n in names]).to(device) for names in sides)
        output = model.compare(x, y)
        logit.append(output.logit.double().cpu().numpy())
        similarity.append(output.similarity.double().cpu().numpy())
    return np.concatenate(logit), np.concatenate(similarity)


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """In float64, so that sure answers keep their order."""
    return torch.from_numpy(np.asarray(log_odds, np.float64)).sigmoid().numpy()


def score_pairs(model: PairModel, codes: Mapping[str, Tensor], pairs: Sequence[Pair], size: int = 256) -> Scored:
    """Compare every pair in both orders; the score is the mean of both probabilities."""
    logit, similarity = compare_all(model, codes, [(p.a, p.b) for p in pairs], size)
    return Scored(sigmoid(logit).mean(1), similarity, np.array([p.same for p in pairs]))
