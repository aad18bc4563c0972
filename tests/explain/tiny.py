"""Small networks with everything that explainers read today.

Planted: hand-set weights; the similarity depends on one known square of the crop and on nothing else.
Seeded: random weights from a seed, for arithmetic and for what must change with the weights.
Rectified: the reference encoder in small, for methods that want convolutions, affine maps and ReLU only.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.faces.align import ARCFACE_112
from models.faces.face import FaceBatch
from models.nets.dlib_resnet import Affine, Residual
from models.pair import CosineLogit, PairModel
from models.predict import Result, predict
from models.taps import Tap

SIZE, GRID = 64, 8
ROWS, COLUMNS = slice(16, 32), slice(32, 48)
"""The planted square in pixels: grid cells 2..3 by 4..5. Its left half holds what both faces share."""


class Cosine(PairModel):
    """What both have in common: a code that is a map, an embedding linear in it, and log-odds from its cosine."""

    code_tap = "code.features"

    def __init__(self) -> None:
        super().__init__()
        self.spec = ARCFACE_112.resized(SIZE)
        self.code, self.relation, self.logit = Tap("code.features"), Tap("relation.cross_attn"), CosineLogit()

    @abstractmethod
    def vectors(self, code: Tensor) -> Tensor:
        """(B, C, 8, 8) -> (B, D, 64): what each place puts into the embedding."""

    def embedding(self, code: Tensor) -> Tensor:
        return F.normalize(self.vectors(code).sum(2), dim=1)

    @abstractmethod
    def across(self, x: Tensor, y: Tensor) -> Tensor:
        """Codes -> (B, 64, 64) logits of the attention from places of x to places of y."""

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        rows = self.relation(self.across(x, y).softmax(2)).sum(2)  # one each: the attention is here to be read
        return self.logit(self.embedding(x) * rows.mean(1, keepdim=True), self.embedding(y))

    def branches(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        products = self.logit.slope * self.embedding(x) * self.embedding(y)
        halves = products.split(products.shape[1] // 2, 1)
        return {**{f"part {i}": h.sum(1) for i, h in enumerate(halves)}, "offset": self.logit.offset.expand(len(x))}

    def places(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        vectors = self.vectors(x)
        lengths = vectors.sum(2).norm(dim=1).clamp_min(1e-12)
        products = (vectors * self.embedding(y)[:, :, None]).sum(1) / lengths[:, None]
        return self.logit.slope * products.view(-1, GRID, GRID), self.logit.offset.expand(len(x))


class Planted(Cosine):
    """Redness, greenness and blueness of the planted square -> a code of three numbers."""

    cam_tap = "grid.features"

    def __init__(self) -> None:
        super().__init__()
        self.features, self.attention = Tap("grid.features"), Tap("pool.attn")
        self.colour = nn.Conv2d(3, 3, 1, bias=False)
        self.colour.weight.data = (2 * torch.eye(3) - 1)[:, :, None, None]  # red - green - blue, and so on
        place = torch.zeros(GRID, GRID)
        place[2:4, 4:6] = 1
        self.register_buffer("place", place)

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        x = self.features(F.relu(self.colour(F.avg_pool2d(image, SIZE // GRID))) * self.place)  # (B, 3, 8, 8)
        logits = 8 * self.place.flatten().expand(len(x), 2, 4, -1)  # two heads, four queries
        attention = self.attention(logits.softmax(-1))  # (B, 2, 4, 64)
        return self.code(x * attention.mean((1, 2)).view(-1, 1, GRID, GRID))  # (B, 3, 8, 8)

    def vectors(self, code: Tensor) -> Tensor:
        return code.flatten(2)

    def across(self, x: Tensor, y: Tensor) -> Tensor:
        return 8 * self.place.flatten().expand(len(x), GRID**2, -1)


class Seeded(Cosine):
    """Three convolutions, an attention over places that gates them, an embedding of 16; all from one seed."""

    cam_tap = "deep.features"

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.conv1, self.conv2 = nn.Conv2d(3, 8, 5, 2, 2), nn.Conv2d(8, 12, 3, 2, 1)
            self.conv3, self.query = nn.Conv2d(12, 16, 3, 2, 1), nn.Linear(16, 2 * 4)
            self.fc = nn.Linear(16 * 64, 16, bias=False)
        self.shallow, self.deep, self.attention = Tap("shallow.features"), Tap("deep.features"), Tap("pool.attn")

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        x = self.shallow(F.relu(self.conv2(F.relu(self.conv1(image * 4 - 2)))))  # (B, 12, 16, 16)
        x = self.deep(F.relu(self.conv3(x)) / 100)  # small, so that gradients are large
        tokens = x.flatten(2).transpose(1, 2)  # (B, 64, 16)
        logits = self.query(300 * tokens).view(len(x), 64, 2, 4).permute(0, 2, 3, 1)  # (B, 2, 4, 64)
        received = self.attention(logits.softmax(-1)).mean((1, 2))  # (B, 64)
        return self.code(6400 * x * received.view(-1, 1, GRID, GRID))  # (B, 16, 8, 8)

    def vectors(self, code: Tensor) -> Tensor:
        weight = self.fc.weight.view(16, GRID**2, 16)  # (D, N, C)
        return torch.einsum("bcn,dnc->bdn", code.flatten(2), weight)

    def across(self, x: Tensor, y: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2) @ y.flatten(2)


class Rectified(PairModel):
    """Convolution, affine, ReLU, a down block and a plain one, the mean, a linear layer; all from one seed."""

    cam_tap, rectified = "deep.features", True

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.spec, self.logit = ARCFACE_112.resized(SIZE), CosineLogit()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.conv, self.affine = nn.Conv2d(3, 6, 5, 4, 2), Affine(6)
            self.down, self.plain = Residual(6, 8, True), Residual(8, 8, False)
            self.fc = nn.Linear(8, 12, bias=False)
            for module in self.modules():
                if isinstance(module, Affine):
                    nn.init.normal_(module.weight, 0.6, 0.5)
                    nn.init.normal_(module.bias, 0.0, 0.2)
        self.shallow, self.deep = Tap("shallow.features"), Tap("deep.features")

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        x = self.shallow(F.relu(self.affine(self.conv(image * 4 - 2))))  # (B, 6, 16, 16)
        x = self.deep(self.plain(self.down(F.max_pool2d(x, 2))))  # (B, 8, 4, 4)
        return self.fc(x.mean((2, 3)))

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


def rectified_result(seed: int = 0, grad: bool = False) -> Result:
    model = ready(Rectified(seed))
    return predict(model, noise_faces(model, 1), noise_faces(model, 2), grad=grad)


def inside() -> Tensor:
    """(64, 64) bool: the planted square."""
    mask = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    mask[ROWS, COLUMNS] = True
    return mask
