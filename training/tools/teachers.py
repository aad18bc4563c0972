"""What a student learns from: embeddings of clean aligned faces by trained weights that know more, computed once.

A teacher's vectors share a large mean (dlib's cosine between strangers is .84); it is taken off and the rest made unit
length. The target of a face joins these, divided by sqrt(number of teachers), so the cosine of two targets is the mean
of the teachers' centred cosines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from models.device import pick_device
from models.faces.align import ARCFACE_112
from models.faces.face import InputSpec
from models.registry import create_pair
from models.weights import find_weight, load_pair, read_sidecar
from training.data.crops import Crops, Morphs
from training.data.detections import cache_dir
from training.data.lists import need
from training.tools.mobilefacenet import load_mobilefacenet

BATCH = 64
MOBILEFACENET = "arcface_mobilefacenet"
"""Name of a teacher that is no weight of ours."""


@dataclass(frozen=True)
class Teacher:
    """An encoder to learn from.

    Attributes:
        name: for the cache, the log and the sidecar.
        spec: the crop it wants.
        file: its weights; their hash keys the cache.
        load: file -> network, (B, 3, size, size) in [0, 1] -> (B, D).
    """

    name: str
    spec: InputSpec
    file: Path
    load: Callable[[Path], nn.Module]


class _Weight(nn.Module):
    """A trained weight as image -> embedding."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.net = load_pair(name, "cpu")

    def forward(self, image: Tensor) -> Tensor:
        return self.net.embedding(self.net.encode(image, image.new_zeros(len(image), 5, 2)))


def weight_teacher(name: str) -> Teacher:
    """A trained weight as a teacher (not one that needs keypoints).

    Raises:
        WeightError: no such weight.
    """
    spec = create_pair(read_sidecar(name).model, **read_sidecar(name).config).spec
    return Teacher(name, spec, find_weight(name), lambda _: _Weight(name))


def teacher_of(name: str, root: Path) -> Teacher:
    """A trained weight, or MOBILEFACENET: <root>/teachers/arcface_mobilefacenet.pth, of CASIA-WebFace with ArcFace.

    Raises:
        WeightError: no such weight.  DataError: no such file.
    """
    if name != MOBILEFACENET:
        return weight_teacher(name)
    return Teacher(name, ARCFACE_112, need(root / "teachers" / f"{name}.pth"), load_mobilefacenet)


def joined_targets(embeddings: Sequence[np.ndarray]) -> Tensor:
    """One (N, D_t) array of unit vectors a teacher -> (N, sum D_t) unit vectors, each teacher centred over the rows."""
    centred = [F.normalize(torch.from_numpy(e - e.mean(0)), dim=1) for e in embeddings]
    return torch.cat(centred, 1) / len(embeddings) ** 0.5


def teacher_embeddings(teacher: Teacher, crops: Crops | Morphs) -> np.ndarray:
    """(N, D) float32 unit vectors for aligned faces, from the cache or computed now (with a progress bar)."""
    facts = "\0".join([*crops.names, repr(teacher.spec)])
    digest = hashlib.sha256(facts.encode() + teacher.file.read_bytes()).hexdigest()[:16]
    target = cache_dir() / f"teacher-{teacher.name}-{digest}.npy"
    if not target.exists():
        values = embed_all(teacher.load(teacher.file), crops, teacher.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".part.npy")
        np.save(partial, values)
        partial.replace(target)
    return np.load(target)


def embed_all(network: nn.Module, crops: Crops | Morphs, name: str) -> np.ndarray:
    """(N, D) unit vectors. channels_last: depthwise convolutions take a third less time."""
    device = pick_device()
    network = network.to(device).to(memory_format=torch.channels_last).eval()
    rows = []
    with torch.inference_mode():
        for start in tqdm(range(0, len(crops), BATCH), desc=f"teacher {name}", unit="batch"):
            image = crops.batch(range(start, min(start + BATCH, len(crops))), device).image
            image = image.contiguous(memory_format=torch.channels_last)
            rows.append(F.normalize(network(image), dim=1).cpu().numpy())
    return np.concatenate(rows).astype(np.float32)
