"""Two faces in, one answered pair out."""

from __future__ import annotations

import torch

from models.outputs import Face, FaceBatch, Result
from models.pair import PairModel
from models.taps import record


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
