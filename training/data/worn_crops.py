"""Aligned faces with something in front of them, drawn once and kept: masks, glasses, scarves, hands.

Drawing takes some 10 ms a face; training takes less. So every face gets one occluder of a random kind and make
(models/faces/occluders.py), kept as a memory map beside the crops' own cache and used by every epoch and every arm
alike.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from models.faces.occluders import MASKS, OCCLUDERS, occlude
from training.data.crops import Crops
from training.data.detections import cache_dir

SHARES = {kind: (0.6 / len(MASKS) if kind in MASKS else 0.4 / (len(OCCLUDERS) - len(MASKS))) for kind in OCCLUDERS}
"""How often each kind is worn: masks three times in five."""


def worn_crops(crops: Crops, seed: int = 0) -> Crops:
    """The same faces, each with an occluder; from the cache, or drawn now with a progress bar."""
    path = cache_dir() / f"worn-{_key(crops, seed)}.npy"
    if not path.exists():
        _draw(path, crops, seed)
    return replace(crops, image=np.load(path, mmap_mode="r"))


def _key(crops: Crops, seed: int) -> str:
    digest = hashlib.sha256(json.dumps([crops.names, crops.image.shape, SHARES, seed]).encode())
    digest.update(np.ascontiguousarray(crops.image[:: max(1, len(crops) // 64)]).tobytes())
    return digest.hexdigest()[:16]


def _draw(path: Path, crops: Crops, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.npy")  # another process may be drawing the same
    image = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=crops.image.shape)
    kinds = list(SHARES)
    for i in tqdm(range(len(crops)), desc="dressing", unit="face"):
        rng = np.random.default_rng([seed, i])
        kind = kinds[rng.choice(len(kinds), p=list(SHARES.values()))]
        image[i] = occlude(np.asarray(crops.image[i]), crops.keypoints[i] * crops.image.shape[1], kind, rng).image
    image.flush()
    part.replace(path)
