"""Expression: one face -> how ten people's votes would fall on eight expressions.

Sources: E. Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution" (FER+), ICMI 2016: classes, votes as target, VGG13; Z. Chen et al., "Multi-Label Image Recognition with
Graph Convolutional Networks", CVPR 2019, and P. Antoniadis et al., "Exploiting Emotional Dependencies with Graph
Convolutional Networks for Facial Expression Recognition" (Emotion-GCN), FG 2021: the graph head; A. Wasi et al.,
"ARBEx", 2023: anchors and reliability.

    96x96 RGB in [0, 1], framed as FER2013 frames faces -> grey -> 48 x 48 -> the trunk's size
    trunk                              its last map
    edgeface    96 px, EdgeFace XS     192, 3 x 3     stage1 to stage4.features
    ir18        64 px, IR-18           256, 4 x 4     stage1 to stage4.features; SE or CBAM gates on request
    vgg13       64 px, as published    256, 4 x 4     block1 to block4.features
    mean over places (vgg13: flatten, two layers of 1024) -> dropout -> head -> 8 logits / temperature

The training faces are grey and 48 px wide, so whatever is given is brought there first: colour and finer detail than
the network was trained on cannot sway it.

Ours: trunks that were face encoders before; anchors and the classifier are combined as ARBEx combines its two label
distributions, by one minus normalised entropy, without its attention over several crops; the class embeddings of the
graph head are learned (published: word vectors).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.expressions import EXPRESSIONS
from models.face_model import ClassModel
from models.faces.align import FER_48
from models.nets.edgeface import EdgeFaceConfig, EdgeFaceTrunk
from models.nets.ir_resnet import IRConfig, IRTrunk
from models.taps import Tap

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601."""
SEEN = 48
"""Side in pixels of the training faces."""


@dataclass(frozen=True)
class ExpressionConfig:
    """Shape.

    Attributes:
        trunk: "edgeface", "ir18" or "vgg13".
        gate: of ir18: "none", "se" or "cbam".
        head: "linear", "graph" (classifier weights from a graph over the classes) or "anchors" (the classifier
            corrected by the nearness of learned anchors).
        dropout: before the head.
        drop_path: of edgeface, while training.
        single: a second head for FER2013's own labels, one a face (`single_label`); the first stays as it is.
    """

    trunk: str = "edgeface"
    gate: str = "none"
    head: str = "linear"
    dropout: float = 0.2
    drop_path: float = 0.0
    single: bool = False


class EdgeFaceMap(EdgeFaceTrunk):
    """EdgeFace XS up to its last map. At 96 px stage 3 has 6 x 6 places and stage 4 reads all of them."""

    size, channels, cam_tap = 96, 192, "stage2.features"

    def __init__(self, config: ExpressionConfig) -> None:
        super().__init__(EdgeFaceConfig(drop_path=config.drop_path))
        del self.head, self.pooled

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, 96, 96) -> (B, 192, 3, 3)."""
        return self.maps(image)[-1]


class IRMap(IRTrunk):
    """IR-18 up to its last map."""

    size, channels, cam_tap = 64, 256, "stage4.features"

    def __init__(self, config: ExpressionConfig) -> None:
        super().__init__(IRConfig(dim=1, gate=config.gate))
        del self.bn2, self.dropout, self.fc, self.features

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, 64, 64) -> (B, 256, 4, 4)."""
        return self.maps(image)


class VGG13Map(nn.Module):
    """Barsoum et al., figure 2: 64 x 2, 128 x 2, 256 x 3, 256 x 3 convolutions, each block pooled, dropout .25."""

    size, channels, cam_tap = 64, 256, "block4.features"

    def __init__(self, config: ExpressionConfig) -> None:
        super().__init__()
        blocks, cin = [], 1
        for number, (width, count) in enumerate(((64, 2), (128, 2), (256, 3), (256, 3)), 1):
            layers: list[nn.Module] = []
            for _ in range(count):
                layers += [nn.Conv2d(cin, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                cin = width
            blocks.append(nn.Sequential(*layers, Tap(f"block{number}.features"), nn.MaxPool2d(2), nn.Dropout(0.25)))
        self.blocks = nn.Sequential(*blocks)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, 64, 64), grey -> (B, 256, 4, 4)."""
        return self.blocks(image[:, :1] - 0.5)


TRUNKS: dict[str, Callable[[ExpressionConfig], Any]] = {"edgeface": EdgeFaceMap, "ir18": IRMap, "vgg13": VGG13Map}


class GraphHead(nn.Module):
    """Classifier weights made by two graph convolutions over the classes: W = A lrelu(A E W1) W2.

    A: (8, 8), rows add up to 1: how often a face with votes for one class has votes for another; a class counts for
    itself with 1 - `SHARED`. It is a buffer, set by the recipe from the training votes; before that it is the identity.
    """

    SHARED = 0.2
    adjacency: Tensor

    def __init__(self, channels: int, width: int = 128) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(len(EXPRESSIONS), width) / math.sqrt(width))
        self.first = nn.Linear(width, width, bias=False)
        self.second = nn.Linear(width, channels, bias=False)
        self.bias = nn.Parameter(torch.zeros(len(EXPRESSIONS)))
        self.register_buffer("adjacency", torch.eye(len(EXPRESSIONS)))

    def relate(self, votes: Tensor) -> None:
        """Set A from (N, 8) shares of votes."""
        given = (votes > 0).double()
        together = given.T @ given
        together.fill_diagonal_(0)
        others = together / together.sum(1, keepdim=True).clamp_min(1)
        self.adjacency.copy_((1 - self.SHARED) * torch.eye(len(EXPRESSIONS)) + self.SHARED * others)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C) -> (B, 8)."""
        hidden = F.leaky_relu(self.adjacency @ self.first(self.embedding), 0.2)
        return x @ (self.adjacency @ self.second(hidden)).T + self.bias


class AnchorHead(nn.Module):
    """A linear classifier, corrected by the nearness of learned anchors where the classifier is unsure.

    The two distributions are averaged with weights 1 - entropy / log 8; the logits are the average's logarithm.
    """

    def __init__(self, channels: int, anchors: int = 10) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, len(EXPRESSIONS))
        self.anchors = nn.Parameter(torch.randn(len(EXPRESSIONS), anchors, channels) / math.sqrt(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C) -> (B, 8)."""
        distance = torch.cdist(F.normalize(x, dim=1), F.normalize(self.anchors.flatten(0, 1), dim=1))  # (B, 8 K)
        near = (-distance * 8).softmax(1).unflatten(1, self.anchors.shape[:2]).sum(2)
        shares = torch.stack([self.linear(x).softmax(1), near], 1)  # (B, 2, 8)
        entropy = -(shares * shares.clamp_min(1e-12).log()).sum(2) / math.log(len(EXPRESSIONS))
        weight = (1 - entropy).clamp_min(1e-6)
        mixed = (weight[:, :, None] * shares).sum(1) / weight.sum(1, keepdim=True)
        return mixed.clamp_min(1e-12).log()


def linear_head(channels: int) -> nn.Module:
    return nn.Linear(channels, len(EXPRESSIONS))


HEADS: dict[str, Callable[[int], nn.Module]] = {"linear": linear_head, "graph": GraphHead, "anchors": AnchorHead}


class Expression(ClassModel):
    """What does this face show? The probabilities are shares of votes.

    Attributes:
        temperature: of the logits, so that shares are calibrated.
        sharpening: what the calibrated logits are multiplied with to give the probability that most people name a
            class (`majority`).

    Raises:
        ValueError: unknown trunk or head.
    """

    classes = EXPRESSIONS
    temperature: Tensor
    sharpening: Tensor
    luma: Tensor

    def __init__(self, config: ExpressionConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ExpressionConfig()
        if config.trunk not in TRUNKS or config.head not in HEADS:
            raise ValueError(f"trunk is one of {', '.join(TRUNKS)}, head one of {', '.join(HEADS)}")
        self.spec = FER_48.resized(96)
        self.trunk = TRUNKS[config.trunk](config)
        self.cam_tap = self.trunk.cam_tap
        width = self.trunk.channels
        self.norm: nn.Module = nn.LayerNorm(width)
        if config.trunk == "vgg13":  # published: two layers of 1024 on the flattened map
            self.norm, width = _fully_connected(width * 16), 1024
        self.dropout = nn.Dropout(config.dropout)
        self.head = HEADS[config.head](width)
        if config.single:
            self.single = nn.Linear(width, len(EXPRESSIONS) - 1)
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("sharpening", torch.ones(()))
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1), persistent=False)

    def seen(self, image: Tensor) -> Tensor:
        """(B, 3, 96, 96) in [0, 1] -> (B, 3, size, size): grey, without what 48 px cannot hold."""
        grey = (image * self.luma).sum(1, keepdim=True)
        small = F.interpolate(grey, (SEEN, SEEN), mode="bilinear", antialias=True)
        return F.interpolate(small, (self.trunk.size, self.trunk.size), mode="bilinear").expand(-1, 3, -1, -1)

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 96, 96), or any other side -> (B, C, h, w)."""
        return self.trunk(self.seen(image))

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        return self.trunk.on_crop(tap, values, self.trunk.size) if isinstance(self.trunk, IRMap) else values

    def features(self, code: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, D): what the head reads."""
        return self.norm(code.flatten(1) if self.config.trunk == "vgg13" else code.mean((2, 3)))

    def embedding(self, code: Tensor) -> Tensor:
        return F.normalize(self.features(code), dim=1)

    def classify(self, code: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(code))) / self.temperature

    def single_label(self, code: Tensor) -> Tensor:
        """Code -> (B, 7) logits of FER2013's labels: the classes but for contempt."""
        logits: Tensor = self.single(self.dropout(self.features(code)))
        return logits

    def majority(self, logits: Tensor) -> Tensor:
        """(B, 8) calibrated logits -> (B, 8): the probability that more people name this class than any other."""
        return (self.sharpening * logits).softmax(1)


def _fully_connected(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 1024), nn.ReLU())
