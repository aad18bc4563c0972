"""Made-up families: every family has a colour of its own, and a network that sees nothing but colour."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models import read_sidecar
from models.faces.align import ARCFACE_112
from models.faces.face import InputSpec
from models.pair import CosineLogit, PairModel
from models.tri import TriOperating
from models.weights import OperatingPoints, Sidecar

HALF = TriOperating(1.0, 0.0, 0.5, OperatingPoints([0.5], [0.1], [0.9], "made up"), "made up")


class Colour(PairModel):
    """Kin have one colour: code (B, 3), log-odds 20 (cosine - .8)."""

    name = "colour"
    cam_tap = ""

    def __init__(self) -> None:
        super().__init__()
        self.spec: InputSpec = ARCFACE_112
        self.logit = CosineLogit()
        self.logit.slope.fill_(20.0)
        self.logit.offset.fill_(-16.0)
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        return image.mean((2, 3)) - 0.5

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)


def colours(count: int) -> np.ndarray:
    """(count, 3) uint8, far apart in direction from mid grey (cosine at most .6)."""
    steps = np.array(
        [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if abs(i) + abs(j) + abs(k)]
    )
    chosen = [s for s in steps if np.abs(s).sum() in (1, 3)]
    return np.array([127.5 + 100 * s for s in chosen[:count]]).round().astype(np.uint8)


def paint(folder: Path, names: Sequence[str], colour_of: Mapping[str, np.ndarray], side: int = 112) -> None:
    """One plain image for each name, in the colour of its first path element."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (side, side), tuple(map(int, colour_of[name.split("/")[0]]))).save(folder / name)


def sidecar(tri: TriOperating | None = HALF, threshold: float = 0.5) -> Sidecar:
    row = dataclasses.replace(read_sidecar("dlib_kin"), name="colour", model="colour")
    return row.with_rule(tri=tri, threshold=threshold)
