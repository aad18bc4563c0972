"""A small index without networks' weights: detection and encoding are stood in for by the photo's colour."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from models.faces.align import ARCFACE_112
from models.faces.face import Face
from models.pair import CosineLogit, PairModel
from models.search import build, finish, index
from models.search import people as grouping

SHA256 = {"kin": "k" * 64, "who": "w" * 64}


class Colours(PairModel):
    """Mean colour of the crop, centred -> a code of three numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.spec, self.logit = ARCFACE_112.resized(8), CosineLogit()
        self.register_parameter("anchor", torch.nn.Parameter(torch.zeros(1)))

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        return image.mean((2, 3)) - 0.5

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)


class Card:
    """What is read of a sidecar."""

    def __init__(self, name: str) -> None:
        self.name, self.sha256 = name, SHA256[name]


def one_face(photo: np.ndarray) -> list[Face]:
    """The whole photo; a black one has no face."""
    points = ARCFACE_112.resized(photo.shape[0]).points().astype(np.float32)
    box = np.array([0, 0, photo.shape[1] - 1, photo.shape[0] - 1], np.float32)
    return [Face(photo, points, box, 1.0)] if photo.any() else []


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks "kin" and "who" (same person from a cosine of .999), and a detector."""
    for module in (build, finish, index):
        monkeypatch.setattr(module, "load_pair", lambda name, device=None: Colours().eval(), raising=False)
        monkeypatch.setattr(module, "read_sidecar", Card, raising=False)
    monkeypatch.setattr(build, "detect_faces", one_face)
    for module in (build, grouping, index):
        monkeypatch.setattr(module, "same_person_cosine", lambda *_: 0.999)


def paint(path: Path, colour: Sequence[int]) -> Path:
    """A photo of one colour, by its name a little different from others of that colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (32, 32), tuple(colour))
    if any(colour):
        image.putpixel((0, 0), tuple(hashlib.sha256(path.name.encode()).digest()[:3]))
    image.save(path.with_suffix(".png"))
    return path.with_suffix(".png")
