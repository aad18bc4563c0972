"""A face and what a model is fed: InputSpec, Face, FaceBatch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from models.faces.geometry import apply_affine, similarity_transform, warp

KEYPOINT_NAMES = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")
"""Order of the five keypoints everywhere; left and right as seen in the image."""
MIRRORED = [1, 0, 2, 4, 3]
"""Which keypoint of a face stands in each place of KEYPOINT_NAMES after the image is mirrored."""


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
        """The template times k = size / self.size, as shipped weights were trained.

        The same framing would be k (x + 0.5) - 0.5: here the face lies (1 - k) / 2 pixels further right and down.
        """
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

    def alignment(self, spec: InputSpec) -> np.ndarray:
        """(2, 3) similarity from pixels of the photo to pixels of the aligned crop.

        Raises:
            ValueError: the five keypoints coincide.  TypeError: no InputSpec.
        """
        if not isinstance(spec, InputSpec):
            raise TypeError(f"an InputSpec is wanted (model.spec, ARCFACE_112), got {type(spec).__name__}")
        return similarity_transform(self.keypoints, spec.points())

    def aligned(self, spec: InputSpec) -> FaceBatch:
        """This face as a batch of one, aligned to `spec` by a similarity transform; the keypoints are carried along.

        Raises:
            ValueError: the five keypoints coincide.
        """
        matrix = self.alignment(spec)
        crop = warp(self.photo, matrix, (spec.size, spec.size))
        keypoints = (apply_affine(matrix, self.keypoints) + 0.5) / spec.size
        image = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float() / 255  # (1, 3, H, W)
        return FaceBatch(image, torch.from_numpy(keypoints.astype(np.float32))[None])


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

    def mirrored(self) -> FaceBatch:
        """Mirror images, keypoints moved and left exchanged with right."""
        keypoints = self.keypoints[:, MIRRORED]
        return FaceBatch(self.image.flip(3), torch.stack([1 - keypoints[..., 0], keypoints[..., 1]], 2))

    def pixels(self) -> np.ndarray:
        """(B, H, W, 3) uint8 RGB, for drawing."""
        scaled = (self.image.detach().clamp(0, 1) * 255).round().to(torch.uint8)
        return scaled.permute(0, 2, 3, 1).cpu().numpy()
