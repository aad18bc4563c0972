"""Two small networks with every kind of tap that explainers read today.

Planted: hand-set weights; the similarity depends on one known square of the crop and on nothing else.
Seeded: random weights from a seed, for arithmetic and for what must change with the weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.faces import ARCFACE_112
from models.outputs import FaceBatch, Result
from models.pair import CosineLogit, PairModel
from models.predict import predict
from models.taps import Tap

SIZE, GRID = 64, 8
ROWS, COLUMNS = slice(16, 32), slice(32, 48)
"""The planted square in pixels: grid cells 2..3 by 4..5. Its left half holds what both faces share."""


class Planted(PairModel):
    """Redness, greenness and blueness of the planted square -> a code of three numbers."""

    cam_tap = "grid.features"

    def __init__(self) -> None:
        super().__init__()
        self.spec = ARCFACE_112.resized(SIZE)
        self.features, self.attention, self.logit = Tap("grid.features"), Tap("pool.attn"), CosineLogit()
        self.colour = nn.Conv2d(3, 3, 1, bias=False)
        self.colour.weight.data = (2 * torch.eye(3) - 1)[:, :, None, None]  # red - green - blue, and so on
        place = torch.zeros(GRID, GRID)
        place[2:4, 4:6] = 1
        self.register_buffer("place", place)

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        x = self.features(F.relu(self.colour(F.avg_pool2d(image, SIZE // GRID))) * self.place)  # (B, 3, 8, 8)
        logits = 8 * self.place.flatten().expand(len(x), 2, 4, -1)  # two heads, four queries
        attention = self.attention(logits.softmax(-1))  # (B, 2, 4, 64)
        return (attention @ x.flatten(2).transpose(1, 2)[:, None]).mean((1, 2))  # (B, 3)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)


class Seeded(PairModel):
    """Three convolutions, an attention over places that gates them, an embedding of 16; all from one seed."""

    cam_tap = "deep.features"

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.conv1, self.conv2 = nn.Conv2d(3, 8, 5, 2, 2), nn.Conv2d(8, 12, 3, 2, 1)
            self.conv3, self.query = nn.Conv2d(12, 16, 3, 2, 1), nn.Linear(16, 2 * 4)
            self.fc = nn.Linear(16 * 64, 16, bias=False)
        self.spec = ARCFACE_112.resized(SIZE)
        self.shallow, self.deep, self.attention = Tap("shallow.features"), Tap("deep.features"), Tap("pool.attn")
        self.logit = CosineLogit()

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        x = self.shallow(F.relu(self.conv2(F.relu(self.conv1(image * 4 - 2)))))  # (B, 12, 16, 16)
        x = self.deep(F.relu(self.conv3(x)) / 100)  # small, so that gradients are large
        tokens = x.flatten(2).transpose(1, 2)  # (B, 64, 16)
        logits = self.query(300 * tokens).view(len(x), 64, 2, 4).permute(0, 2, 3, 1)  # (B, 2, 4, 64)
        received = self.attention(logits.softmax(-1)).mean((1, 2))  # (B, 64)
        return self.fc((6400 * tokens * received[:, :, None]).flatten(1))

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)


def ready(model: PairModel) -> PairModel:
    """As load_model leaves a model."""
    return model.eval().requires_grad_(False)


def noise_faces(model: PairModel, seed: int = 0) -> FaceBatch:
    """One noise crop, smooth over a few pixels, with the template's keypoints."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 16, 16, generator=generator)
    image = F.interpolate(coarse, (model.spec.size,) * 2, mode="bilinear")
    return FaceBatch(image, torch.as_tensor(model.spec.points(), dtype=torch.float32)[None] / model.spec.size)


def planted_faces(model: PairModel) -> tuple[FaceBatch, FaceBatch]:
    """Noise with the square planted: red in the left half of both, green or blue in the right half."""
    faces = []
    for seed, own in ((0, 1), (1, 2)):
        face = noise_faces(model, seed)
        middle = (COLUMNS.start + COLUMNS.stop) // 2
        face.image[:, :, ROWS, COLUMNS] = 0
        face.image[:, 0, ROWS, COLUMNS.start : middle] = 0.9
        face.image[:, own, ROWS, middle : COLUMNS.stop] = 0.9
        faces.append(face)
    return faces[0], faces[1]


def planted_result(grad: bool = True) -> Result:
    model = ready(Planted())
    return predict(model, *planted_faces(model), grad=grad)


def seeded_result(seed: int = 0, grad: bool = True) -> Result:
    model = ready(Seeded(seed))
    return predict(model, noise_faces(model, 1), noise_faces(model, 2), grad=grad)


def inside() -> Tensor:
    """(64, 64) bool: the planted square."""
    mask = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    mask[ROWS, COLUMNS] = True
    return mask
