"""What an answer was made of: recorded tensors, and gradients of the answer at them."""

from __future__ import annotations

import torch
from torch import Tensor

from models.predict import Result


def face_evidence(result: Result, name: str) -> Tensor:
    """The recorded tensor of a per-face tap, a row a face.

    Raises:
        ValueError: no such tap, or one with other rows.
    """
    if name not in result.evidence:
        raise ValueError(f"no layer {name!r} was recorded; there are: {', '.join(result.evidence) or 'none'}")
    evidence = result.evidence[name]
    if len(evidence) != len(result.faces):
        raise ValueError(f"the tap {name!r} has {len(evidence)} rows, not one a face")
    return evidence


def require_graph(result: Result) -> None:
    """Raises ValueError when the result was predicted without its autograd graph."""
    if not result.output.embeddings[0].requires_grad:
        raise ValueError("this method needs gradients: answer with predict(..., grad=True)")


def evidence_gradient(result: Result, evidence: Tensor, target: str) -> Tensor:
    """Gradient of a scalar of the answer at recorded evidence, in its shape; zero where it does not depend on it."""
    require_graph(result)
    value = result.output.scalar(target).sum()
    (gradient,) = torch.autograd.grad(value, evidence, retain_graph=True, materialize_grads=True)
    return gradient
