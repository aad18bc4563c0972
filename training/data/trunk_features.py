"""Pooled features of the frozen reference encoder, computed once for several views of every face and kept on disk.

View 0 is the aligned face, view 1 its mirror image, views 2 and up are augmented (training/data/augment.py), each
with draws of its own. A head can then be trained in minutes: an epoch touches no image.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from models.faces.face import FaceBatch
from models.nets.dlib_resnet import DlibTrunk
from training.data.augment import Augment, augmented, draw
from training.data.crops import Crops
from training.data.detections import cache_dir

HOW = Augment(shift=0.05, scale=1.12, degrees=8.0, flip=0.5, erase=0.0)


@dataclass(frozen=True)
class ViewFeatures:
    """Features of the views of a set.

    Attributes:
        names: image names, relative to the set's folder.
        values: (views, N, 256) float32.
    """

    names: tuple[str, ...]
    values: np.ndarray


def view_features(trunk: DlibTrunk, crops: Crops, views: int, key: str) -> ViewFeatures:
    """All views, from the cache where they are there. Computed in bfloat16: half the time, cosine to float32 1.0000."""
    stem = hashlib.sha256(repr((fingerprint(trunk), crops.names, crops.image.shape, HOW)).encode()).hexdigest()[:16]
    values = []
    for view in range(views):
        path = cache_dir() / f"{key}-trunk-{stem}-{view}.npy"
        if not path.exists():
            _save(path, _one_view(trunk, crops, view))
        values.append(np.load(path).astype(np.float32))
    return ViewFeatures(crops.names, np.stack(values))


def _save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npy")
    np.save(part, values.astype(np.float16))
    part.replace(path)  # whole or not at all


def fingerprint(trunk: DlibTrunk) -> str:
    """sha256 of its weights."""
    digest = hashlib.sha256()
    for value in trunk.state_dict().values():
        digest.update(value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


@torch.inference_mode()
def _one_view(trunk: DlibTrunk, crops: Crops, view: int, size: int = 32) -> np.ndarray:
    generator, rows = torch.Generator().manual_seed(view), []
    fast = copy.deepcopy(trunk).to(memory_format=torch.channels_last)
    for start in tqdm(range(0, len(crops), size), desc=f"features, view {view}", unit="batch"):
        faces = crops.batch(range(start, min(start + size, len(crops))))
        image = view_of(faces, view, generator).image.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            rows.append(fast(image).float().numpy())
    return np.concatenate(rows)


def view_of(faces: FaceBatch, view: int, generator: torch.Generator) -> FaceBatch:
    """One view of a batch: 0 plain, 1 mirrored, else augmented with draws from the generator."""
    if view == 0:
        return faces
    if view == 1:
        return faces.with_image(faces.image.flip(3))
    return augmented(faces, draw(HOW, len(faces), generator))
