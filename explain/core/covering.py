"""Answers for many versions of one face, the others fixed: the engine of occlusion and faithfulness."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explain.core.fill import cover_of
from models.predict import Result

CHUNK = 16
"""Faces encoded at once."""


def covered_answers(result: Result, face: int, covered: Tensor, *, fill: str, target: str) -> Tensor:
    """One scalar of the answer for each way of covering one face, (V,): as covered_scalars."""
    return covered_scalars(result, face, covered, fill=fill, targets=(target,))[0]


def covered_scalars(result: Result, face: int, covered: Tensor, *, fill: str, targets: Sequence[str]) -> Tensor:
    """The answer for each way of covering one face; only that face is encoded again, the others once.

    Args:
        result: the answer as it is.
        face: index of the face that is covered.
        covered: (V, H, W) bool, True where pixels are taken away.
        fill: what stands there instead (explain/core/fill.py).
        targets: T scalars of the answer.

    Returns:
        (T, V) float32 on the CPU.

    Raises:
        ValueError: an unknown fill or target.
    """
    model, own = result.model, result.faces[face]
    with torch.no_grad():
        image = own.image.detach()
        cover = cover_of(image, fill)
        codes = [model.encode(f.image.detach(), f.keypoints) if i != face else None for i, f in enumerate(result.faces)]
        answers = []
        for masks in covered.to(image.device).split(CHUNK):
            code = model.encode(cover(masks), own.keypoints.expand(len(masks), -1, -1))
            output = model.answer(*(code if fixed is None else fixed.expand_as(code) for fixed in codes))
            answers.append(torch.stack([output.scalar(target).float().cpu() for target in targets]))
    return torch.cat(answers, 1)
