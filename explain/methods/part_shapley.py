"""What each part of a face adds to the answer, exactly: Shapley values over eight parts.

The face is cut into eight parts (models.faces.regions.face_parts). All 2^8 = 256 sets of parts are left in sight in
turn, the rest covered, the other faces as they are; a part's Shapley value is its mean gain over all orders in which
parts can come into sight. The values add up to the answer with all parts minus the answer with none: no sampling, no
rest. Shapley values: Shapley, 1953; as feature attributions: Lundberg and Lee, NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from explain.core.covering import chosen, covered_readings
from explain.core.findings import Heatmap
from explain.core.first_parts import FIRST_SETS, FirstParts
from explain.core.parts import PartValues
from models.faces.regions import PARTS, face_parts
from models.outputs import ClassOutput, Output
from models.predict import Result

CAPTION = (
    "What each of eight parts of the face adds to the answer, mean over all orders in which parts come into sight, "
    "spread evenly over the part: above zero it raises the answer. The parts add up to the answer minus the answer "
    "without any part. Inside a part nothing is told apart, and a covered face is unusual input."
)

PIECE = 75
"""Sets that are tried between two looks at whether anybody still waits."""


def part_shapley(
    result: Result, *, target: str | None = None, fill: str = "blur", faces: Sequence[int] | None = None
) -> tuple[Heatmap, ...]:
    """Maps of every face at the resolution of the crop: each part's Shapley value over its share of the crop.

    Args:
        result: from predict; no graph needed.
        target: a scalar of the answer; by default result.explained.
        fill: a name of explain.core.fill.FILLS.
        faces: indices of the faces to explain; all by default.

    Returns:
        A signed map a face; the mean over its pixels, times 100, is the answer minus the answer without any part.

    Raises:
        ValueError: an unknown fill or target.
    """
    return tuple(part_map(result, found) for found in part_values(result, target=target, fill=fill, faces=faces))


def part_values(
    result: Result, *, target: str | None = None, fill: str = "blur", faces: Sequence[int] | None = None
) -> tuple[PartValues, ...]:
    """The answer for every set of parts of every face, with the parts' Shapley values; a finding a face.

    Args, errors: as part_shapley.
    """
    asked = [_Sets(result, face, target or result.explained, fill) for face in chosen(result, faces)]
    return tuple(sets.exact() for sets in asked)


def part_values_step_by_step(
    result: Result, *, target: str | None = None, fill: str = "blur"
) -> Iterator[tuple[FirstParts | PartValues, ...]]:
    """A finding a face: first from 32 sets of parts, the same after every PIECE of the others, at last the exact ones.

    Args, errors: as part_shapley.
    """
    asked = [_Sets(result, face, target or result.explained, fill) for face in chosen(result, None)]
    found: list[FirstParts | PartValues] = [sets.first() for sets in asked]
    yield tuple(found)
    for number, sets in enumerate(asked):
        for _ in sets.others():
            yield tuple(found)
        found[number] = sets.exact()
    yield tuple(found)


class _Sets:
    """The answer for sets of parts of one face, as far as they were tried."""

    def __init__(self, result: Result, face: int, target: str, fill: str) -> None:
        self.result, self.face, self.target, self.fill = result, face, target, fill
        self.covered = covered_sets(_masks(result, face))
        self.deciding, self.threshold, self.decided_by = _decision(result)
        self.values, self.decisions = np.full((2, len(self.covered)), np.nan, np.float32)

    def first(self) -> FirstParts:
        """What FIRST_SETS say."""
        self._try(FIRST_SETS)
        return FirstParts(PARTS, self.values[list(FIRST_SETS)], self.face, self.fill, self.target)

    def others(self) -> Iterator[None]:
        """Try those that were not tried yet, PIECE by PIECE."""
        rest = np.flatnonzero(np.isnan(self.values))
        for start in range(0, len(rest), PIECE):
            self._try(rest[start : start + PIECE])
            yield

    def exact(self) -> PartValues:
        """What all of them say."""
        for _ in self.others():
            pass
        how = self.threshold, self.decided_by, self.face, self.fill, self.target
        return PartValues(PARTS, self.values, self.decisions, *how)

    def _try(self, sets: Sequence[int] | np.ndarray) -> None:
        def read(output: Output) -> Tensor:
            return torch.stack([output.scalar(self.target), self.deciding(output)], 1)

        indices = list(sets)
        found = covered_readings(self.result, self.face, self.covered[indices], fill=self.fill, read=read)
        self.values[indices], self.decisions[indices] = found.T.numpy()


def _masks(result: Result, face: int) -> Tensor:
    """(P, H, W) bool, the parts of one face on its crop."""
    own = result.faces[face]
    parts = face_parts(own.keypoints[0].detach().cpu().numpy(), own.image.shape[-1])
    return torch.from_numpy(np.stack([parts[part] for part in PARTS]))


def covered_sets(parts: Tensor) -> Tensor:
    """(P, H, W) bool parts -> (2^P, H, W) bool, True where covered: set m leaves part i in sight where bit i is 1."""
    count = len(parts)
    hidden = (torch.arange(2**count)[:, None] >> torch.arange(count) & 1) == 0  # (2^P, P)
    flat = hidden.float() @ parts.flatten(1).float()
    return (flat > 0).view(-1, *parts.shape[1:])


def _decision(result: Result) -> tuple[Callable[[Output], Tensor], float, str]:
    """What is read off an output to decide, the threshold on it, and what it is called."""
    if not isinstance(result.output, ClassOutput):
        threshold = result.model.threshold
        return (lambda output: output.scalar("score")), 0.5 if threshold is None else threshold, "score"
    classes, leading = result.output.classes, result.output.leading

    def lead(output: Output) -> Tensor:
        gaps = [output.scalar(f"{leading} - {other}") for other in classes if other != leading]
        return torch.stack(gaps).amin(0)

    return lead, 0.0, f"lead of {leading} over the next class"


def part_map(result: Result, found: PartValues) -> Heatmap:
    """The Shapley values of one face as a map: each spread evenly over its part, in units per percent of the crop."""
    masks = _masks(result, found.face).flatten(1).double()
    shares = 100 * masks.mean(1)  # (P,) percent of the crop
    density = torch.where(shares > 0, torch.from_numpy(found.phi).double() / shares, 0.0)
    values = (density @ masks).float().view(found_shape(result, found.face)).numpy()
    caption = f"{CAPTION} Fill: {found.fill}. Without any part the {found.target} is {found.empty:.2f}."
    unit = f"{found.target} per percent of the crop"
    return Heatmap(values, found.face, "part_shapley", True, unit, caption, floor=1e-5)


def found_shape(result: Result, face: int) -> tuple[int, int]:
    """(H, W) of a face's crop."""
    height, width = result.faces[face].image.shape[-2:]
    return height, width
