"""The values that travel through the house: InputSpec, Face, FaceBatch, PairOutput, Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from models.pair import PairModel

KEYPOINT_NAMES = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")
"""Order of the five keypoints everywhere; left and right as seen in the image."""


@dataclass(frozen=True)
class InputSpec:
    """What a model wants to be fed: a square RGB crop with five keypoints at fixed places.

    Attributes:
        size: side of the crop in pixels.
        template: where the five keypoints should fall, (x, y) in pixels of the crop.
    """

    size: int
    template: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.template) != 5:
            raise ValueError(f"a template has five keypoints, got {len(self.template)}")

    def resized(self, size: int) -> InputSpec:
        """The same framing at another resolution."""
        k = size / self.size
        return InputSpec(size, tuple((x * k, y * k) for x, y in self.template))

    def points(self) -> np.ndarray:
        """The template as a (5, 2) float64 array, pixels of the crop."""
        return np.asarray(self.template, dtype=np.float64)


@dataclass(frozen=True)
class Face:
    """One detected face, in the frame of the photo it was found in.

    Attributes:
        photo: (H, W, 3) uint8 RGB, EXIF orientation already applied.
        keypoints: (5, 2) float32, pixels of the photo, in the order of KEYPOINT_NAMES.
        box: (4,) float32, XYXY pixels of the photo.
        confidence: of the detector, in [0, 1]; 0 for a face placed by hand or by default.
    """

    photo: np.ndarray
    keypoints: np.ndarray
    box: np.ndarray
    confidence: float

    def __post_init__(self) -> None:
        if self.photo.ndim != 3 or self.photo.shape[2] != 3 or self.photo.dtype != np.uint8:
            raise ValueError(f"photo must be (H, W, 3) uint8, got {self.photo.shape} {self.photo.dtype}")
        if self.keypoints.shape != (5, 2):
            raise ValueError(f"keypoints must be (5, 2), got {self.keypoints.shape}")
        if self.box.shape != (4,):
            raise ValueError(f"box must be (4,), got {self.box.shape}")

    def aligned(self, spec: InputSpec) -> FaceBatch:
        """This face as a batch of one, aligned to `spec` by a similarity transform."""
        from models.faces import align  # the geometry lives with its inverse

        return align(self, spec)


@dataclass(frozen=True)
class FaceBatch:
    """Aligned faces as a model takes them.

    Attributes:
        image: (B, 3, H, W) float32 RGB in [0, 1].
        keypoints: (B, 5, 2) float32 (x, y) in [0, 1] of the crop's width and height.
    """

    image: Tensor
    keypoints: Tensor

    def __post_init__(self) -> None:
        if self.image.ndim != 4 or self.image.shape[1] != 3:
            raise ValueError(f"image must be (B, 3, H, W), got {tuple(self.image.shape)}")
        if self.keypoints.shape != (len(self.image), 5, 2):
            raise ValueError(f"keypoints must be ({len(self.image)}, 5, 2), got {tuple(self.keypoints.shape)}")

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, rows: slice) -> FaceBatch:
        return FaceBatch(self.image[rows], self.keypoints[rows])

    @staticmethod
    def cat(batches: Sequence[FaceBatch]) -> FaceBatch:
        return FaceBatch(torch.cat([b.image for b in batches]), torch.cat([b.keypoints for b in batches]))

    def to(self, device: torch.device | str) -> FaceBatch:
        return FaceBatch(self.image.to(device), self.keypoints.to(device))

    def repeat(self, n: int) -> FaceBatch:
        """A batch of one, n times (views, no copy)."""
        if len(self) != 1:
            raise ValueError(f"repeat wants a batch of one, got {len(self)}")
        return FaceBatch(self.image.expand(n, -1, -1, -1), self.keypoints.expand(n, -1, -1))

    def with_image(self, image: Tensor) -> FaceBatch:
        """The same keypoints over other pixels (occlusion, blur...)."""
        return replace(self, image=image)

    def pixels(self) -> np.ndarray:
        """(B, H, W, 3) uint8 RGB, for drawing."""
        scaled = (self.image.detach().clamp(0, 1) * 255).round().to(torch.uint8)
        return scaled.permute(0, 2, 3, 1).cpu().numpy()


@dataclass(frozen=True)
class PairOutput:
    """What a model answers about B pairs.

    Attributes:
        logit: (B, 2) calibrated log-odds, column 0 for (a, b) and column 1 for (b, a).
        similarity: (B,) cosine of the two embeddings, in [-1, 1].
        embedding_a, embedding_b: (B, D) unit vectors.
    """

    logit: Tensor
    similarity: Tensor
    embedding_a: Tensor
    embedding_b: Tensor

    @property
    def score(self) -> Tensor:
        """(B,) calibrated probability: the mean over both orders of the pair."""
        return self.logit.sigmoid().mean(1)


@dataclass(frozen=True)
class Result:
    """One answered pair with the evidence the answer was made of.

    Attributes:
        model: the network that answered (in eval mode).
        a, b: the aligned faces it saw, batches of one.
        output: PairOutput of B = 1; carries the autograd graph when predict(grad=True).
        evidence: tap name -> tensor as it flowed. Rows of per-face taps are (a, b); rows of per-pair
            taps are (a -> b, b -> a).
    """

    model: PairModel
    a: FaceBatch
    b: FaceBatch
    output: PairOutput
    evidence: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Calibrated probability in [0, 1], mean over both orders."""
        return float(self.output.score.detach()[0])

    @property
    def score_ab(self) -> float:
        return float(self.output.logit.detach().sigmoid()[0, 0])

    @property
    def score_ba(self) -> float:
        return float(self.output.logit.detach().sigmoid()[0, 1])

    @property
    def similarity(self) -> float:
        """Cosine of the two embeddings, in [-1, 1]."""
        return float(self.output.similarity.detach()[0])
