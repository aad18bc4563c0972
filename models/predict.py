"""Two faces in, one answered pair out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.faces.face import Face, FaceBatch
from models.outputs import PairOutput
from models.pair import PairModel
from models.taps import record


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


def aligned_for(model: PairModel, face: Face | FaceBatch) -> FaceBatch:
    """A face as this model takes it, on the model's device."""
    batch = face.aligned(model.spec) if isinstance(face, Face) else face
    return batch.to(next(model.parameters()).device)


def predict(model: PairModel, a: Face | FaceBatch, b: Face | FaceBatch, *, grad: bool = False) -> Result:
    """Answer a pair and keep the evidence the answer was made of.

    Args:
        model: from load_model, in eval mode.
        a, b: faces, or aligned batches of one.
        grad: keep the autograd graph, so that explainers can differentiate the answer with respect to the
            evidence and to the input pixels.

    Returns:
        Result for this one pair. The score is the same bit for bit with and without `grad`.

    Raises:
        ValueError: a batch that is not of one.
    """
    a, b = aligned_for(model, a), aligned_for(model, b)
    if len(a) != 1 or len(b) != 1:
        raise ValueError(f"predict answers one pair, got batches of {len(a)} and {len(b)}")
    if grad:  # parameters are frozen: the graph starts at the pixels
        a, b = (f.with_image(f.image.detach().clone().requires_grad_(True)) for f in (a, b))
    with record() as evidence, torch.set_grad_enabled(grad):
        output = model(a, b)
    return Result(model, a, b, output, evidence)
