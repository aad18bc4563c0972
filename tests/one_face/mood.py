"""A network about one face with three classes: the colour it shows most of. For tests of what the house gives it."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from models.face_model import ClassModel
from models.faces.align import ARCFACE_112
from models.taps import Tap


@dataclass(frozen=True)
class MoodConfig:
    """Shape: `width` channels."""

    width: int = 6


class Mood(ClassModel):
    """Two convolutions, the mean over places, a linear layer."""

    cam_tap = "last.features"
    classes = ("red", "green", "blue")

    def __init__(self, config: MoodConfig | None = None) -> None:
        super().__init__()
        config = config or MoodConfig()
        self.config, self.spec, self.tap = config, ARCFACE_112.resized(48), Tap("last.features")
        self.conv1, self.conv2 = nn.Conv2d(3, config.width, 3, 2, 1), nn.Conv2d(config.width, config.width, 3, 2, 1)
        self.fc = nn.Linear(config.width, 3)

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        return self.tap(F.relu(self.conv2(F.relu(self.conv1(image)))))  # (B, width, 12, 12)

    def classify(self, code: Tensor) -> Tensor:
        return self.fc(code.mean((2, 3)))
