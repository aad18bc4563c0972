"""Maps of the reference encoder's stage 3, frozen, for several views of every face: computed once, kept on disk.

A small network on top of them is trained in minutes: an epoch touches no image (training/studies/losses.py).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.faces.face import FaceBatch
from models.nets.dlib_resnet import DlibTrunk
from training.data.crops import Crops
from training.data.detections import cache_dir
from training.data.halves import halves
from training.data.trunk_features import fingerprint

VIEWS = ("plain", "mirrored", "left", "right")
"""The aligned face, its mirror image, and its two halves, each made whole (training/data/halves.py)."""
BATCH = 64


def view_of(faces: FaceBatch, view: str) -> Tensor:
    """(B, 3, h, w), one of VIEWS of a batch."""
    if view in ("left", "right"):
        return halves(faces)[view == "right"].image
    return faces.image.flip(3) if view == "mirrored" else faces.image


def stage_maps(trunk: DlibTrunk, crops: Crops, view: str, key: str) -> np.ndarray:
    """(N, 8, 8, 128) float16, a read-only memory map; from the cache, or computed now in bfloat16."""
    facts = repr((fingerprint(trunk), crops.names, crops.image.shape, view))
    path = cache_dir() / f"{key}-stage3-{hashlib.sha256(facts.encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        _compute(trunk, crops, view, part)
        part.replace(path)  # whole or not at all
    return np.load(path, mmap_mode="r")


@torch.inference_mode()
def _compute(trunk: DlibTrunk, crops: Crops, view: str, path: Path) -> None:
    file = np.lib.format.open_memmap(path, "w+", np.float16, (len(crops), 8, 8, 128))
    for start in tqdm(range(0, len(crops), BATCH), desc=f"maps, {view}", unit="batch"):
        rows = range(start, min(start + BATCH, len(crops)))
        image = view_of(crops.batch(rows), view).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            maps = trunk.maps(image)[2]
        file[rows.start : rows.stop] = maps.permute(0, 2, 3, 1).float().numpy()
    file.flush()
