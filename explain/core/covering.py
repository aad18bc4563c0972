"""Answers for many versions of one face, the others fixed: the engine of occlusion and faithfulness."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from explain.core.fill import cover_of
from models.outputs import Output
from models.predict import Result

CHUNK = 27
"""Faces encoded at once, at most."""


def chosen(result: Result, faces: Sequence[int] | None) -> Sequence[int]:
    """The indices of the faces to explain: those given, or all.

    Raises:
        ValueError: an index that the answer has no face for.
    """
    every = range(len(result.faces))
    if faces is not None and not set(faces) <= set(every):
        raise ValueError(f"faces are numbered 0 to {len(every) - 1}, got {list(faces)}")
    return every if faces is None else faces


def covered_answers(result: Result, face: int, covered: Tensor, *, fill: str, target: str) -> Tensor:
    """One scalar of the answer for each way of covering one face, (V,): as covered_readings."""
    return covered_readings(result, face, covered, fill=fill, read=lambda output: output.scalar(target))


def covered_scalars(result: Result, face: int, covered: Tensor, *, fill: str, targets: Sequence[str]) -> Tensor:
    """T scalars of the answer for each way of covering one face, (T, V): as covered_readings."""

    def read(output: Output) -> Tensor:
        return torch.stack([output.scalar(target) for target in targets], 1)

    return covered_readings(result, face, covered, fill=fill, read=read).T


def covered_readings(
    result: Result, face: int, covered: Tensor, *, fill: str, read: Callable[[Output], Tensor]
) -> Tensor:
    """The answer for each way of covering one face; only that face is encoded again, the others once.

    Args:
        result: the answer as it is.
        face: index of the face that is covered.
        covered: (V, H, W) bool, True where pixels are taken away.
        fill: what stands there instead (explain/core/fill.py).
        read: what is taken of an output about B pairs or faces, (B, ...).

    Returns:
        (V, ...) float32 on the CPU.

    Raises:
        ValueError: an unknown fill, and as `read`.
    """
    model, own = result.model, result.faces[face]
    with torch.no_grad():
        image = own.image.detach()
        cover = cover_of(image, fill)
        codes = [model.encode(f.image.detach(), f.keypoints) if i != face else None for i, f in enumerate(result.faces)]
        answers = []
        for masks in covered.to(image.device).tensor_split(max(1, math.ceil(len(covered) / CHUNK))):
            code = model.encode(cover(masks), own.keypoints.expand(len(masks), -1, -1))
            output = model.answer(*(code if fixed is None else fixed.expand_as(code) for fixed in codes))
            answers.append(read(output).float().cpu())
    return torch.cat(answers)
