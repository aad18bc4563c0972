"""PairModel: a network that answers about two faces, and what such networks share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.face_model import FaceModel
from models.outputs import Output, PairOutput


class PairModel(FaceModel):
    """A network that answers "how related are these two faces?".

    Attributes:
        by_similarity: the log-odds are a function of the similarity alone; False where two codes are fused.
    """

    faces = 2
    by_similarity: bool = True

    @abstractmethod
    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        """Two batches of codes -> (B,) calibrated log-odds, for the pair in this order."""

    def embedding(self, code: Tensor) -> Tensor:
        """Code -> (B, D) unit vector whose cosine ranks faces in search."""
        return F.normalize(code.flatten(1), dim=1)

    def compare(self, x: Tensor, y: Tensor) -> PairOutput:
        """Codes of B pairs -> PairOutput; both orders go through `relate` as one 2B batch."""
        ab, ba = self.relate(torch.cat([x, y]), torch.cat([y, x])).chunk(2)
        ex, ey = self.embedding(x), self.embedding(y)
        return PairOutput(torch.stack([ab, ba], 1), (ex * ey).sum(1), (ex, ey))

    def answer(self, *codes: Tensor) -> PairOutput:
        return self.compare(*codes)

    def explained(self, output: Output) -> str:
        """The similarity where the score is a function of it, the log-odds where two codes are fused."""
        return "similarity" if self.by_similarity else "logit"


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


@runtime_checkable
class Placed(Branched, Protocol):
    """A Branched model that can also take its log-odds apart by place."""

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
