"""Answers for many versions of one face of a pair, the other face fixed: the engine of occlusion and faithfulness."""

from __future__ import annotations

import torch
from torch import Tensor

from explain.core.answers import answer
from explain.core.fill import filled
from explain.core.findings import FaceName
from models.predict import Result

CHUNK = 16
"""Faces encoded at once."""


def covered_answers(result: Result, face: FaceName, covered: Tensor, *, fill: str, target: str) -> Tensor:
    """The answer for each way of covering one face; only that face is encoded again, the other once.

    Args:
        result: the answered pair.
        face: "a" or "b", the face that is covered.
        covered: (V, H, W) bool, True where pixels are taken away.
        fill: what stands there instead (explain/core/fill.py).
        target: "similarity", "logit" or "score".

    Returns:
        (V,) float32 on the CPU.
    """
    model, own, other = result.model, result.a, result.b
    if face == "b":
        own, other = other, own
    with torch.no_grad():
        image = own.image.detach()
        behind = filled(image, fill)
        other_code = model.encode(other.image.detach(), other.keypoints)
        answers = []
        for masks in covered.to(image.device).split(CHUNK):
            batch = torch.where(masks[:, None], behind, image)  # (chunk, 3, H, W)
            code = model.encode(batch, own.keypoints.expand(len(masks), -1, -1))
            fixed = other_code.expand_as(code)
            output = model.compare(code, fixed) if face == "a" else model.compare(fixed, code)
            answers.append(answer(output, target).float().cpu())
    return torch.cat(answers)
