"""PairModel: what every two-face network here has in common.

A network is cut where one face ends and the pair begins: `encode` sees one face, `relate` sees two codes.
That cut lets occlusion maps re-encode only the face that changed, and search encode a gallery once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.faces.face import FaceBatch, InputSpec
from models.outputs import PairOutput

Lenders = Mapping[str, tuple[str, str]]


class PairModel(nn.Module):
    """A network that answers "how related are these two faces?".

    Attributes:
        name: registry name, set by create_model.
        spec: the aligned crop it wants.
        cam_tap: name of the `features` tap that CAM methods use unless told otherwise.
        by_similarity: the log-odds are a function of the similarity alone; False where two codes are fused.
        lenders: beginning of parameter names -> (weight, beginning of the names there) that may be the very same
            tensors: what is equal is not stored twice.
        threshold: on the score, the one its weight was shipped with, set by load_model; None for an untrained network.
    """

    name: str = ""
    spec: InputSpec
    cam_tap: str
    by_similarity: bool = True
    lenders: ClassVar[Lenders] = {}
    threshold: float | None = None

    @abstractmethod
    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """One face -> its code: (B, D) or (B, C, h, w).

        Args:
            image: (B, 3, size, size) RGB in [0, 1].
            keypoints: (B, 5, 2) in [0, 1] of the crop.
        """

    @abstractmethod
    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        """Two batches of codes -> (B,) calibrated log-odds, for the pair in this order."""

    def embedding(self, code: Tensor) -> Tensor:
        """Code -> (B, D) unit vector whose cosine ranks faces in search."""
        return F.normalize(code.flatten(1), dim=1)

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        """(B, h, w) numbers over the map of a tap -> the same over the aligned crop; any resolution.

        Nothing to do where the network sees the crop as it is.
        """
        return values

    def compare(self, x: Tensor, y: Tensor) -> PairOutput:
        """Codes of B pairs -> PairOutput; both orders go through `relate` as one 2B batch."""
        ab, ba = self.relate(torch.cat([x, y]), torch.cat([y, x])).chunk(2)
        ex, ey = self.embedding(x), self.embedding(y)
        return PairOutput(torch.stack([ab, ba], 1), (ex * ey).sum(1), ex, ey)

    def forward(self, a: FaceBatch, b: FaceBatch) -> PairOutput:
        """B pairs of aligned faces -> PairOutput; both faces are encoded as one 2B batch."""
        both = FaceBatch.cat([a, b])
        x, y = self.encode(both.image, both.keypoints).chunk(2)
        return self.compare(x, y)


@runtime_checkable
class Branched(Protocol):
    """A PairModel that can take its log-odds apart, exactly, into parts that add up to what `relate` says.

    Exact is not causal: the parts share gates and norms that were computed from all of them.

    Attributes:
        code_tap: name of the `features` tap through which the code itself flows.
    """

    code_tap: str

    def branches(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Two batches of codes -> part of the network -> (B,) log-odds; their sum is relate(x, y)."""

    def places(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Two batches of codes -> (B, h, w) log-odds through each place of x, and (B,) what has no place.

        The sum over places plus the rest is relate(x, y).
        """


class CosineLogit(nn.Module):
    """Calibrated log-odds from a cosine: slope * cos + offset (Platt scaling, fitted on held-out pairs).

    slope and offset are buffers: they belong to the weight and to its hash. Untrained they are 1 and 0.
    """

    slope: Tensor
    offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("slope", torch.tensor(1.0))
        self.register_buffer("offset", torch.tensor(0.0))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(B, D), (B, D) -> (B,)."""
        return self.slope * F.cosine_similarity(x, y, dim=1) + self.offset
