"""What eight parts of a face are worth to an answer, from 32 of the 256 sets of parts: seconds before all are tried.

The 32 are nothing, all, each part alone, each part left out, and 14 halves: the blocks of the Steiner system
S(3, 4, 8), of which any three parts are together in exactly one. A part's value is the mean of two estimates,

    ends    (v(i) - v(none) + v(all) - v(all without i)) / 2
    halves  (sum of v over the halves with i - sum over the halves without i) / 8

each moved by the same amount for all parts, so that they add up to v(all) - v(none). Both are exact where no more than
two parts act together; of three, the one says too much and the other too little. The sets are our choice, and what they
miss is measured (python -m benchmarks.evidence.part_choices). Related: Covert and Lee, "Improving KernelSHAP", AISTATS
2021, whose random sets come with their complements.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explain.core.findings import check, check_array, check_face

EIGHT = 8
ALONE = tuple(1 << part for part in range(EIGHT))
"""Sets are numbered by bits, as in explain.core.parts."""
ALL = 2**EIGHT - 1
HALVES = tuple(
    sum(1 << part for part in range(EIGHT) if (part & plane).bit_count() % 2 == side)
    for plane in range(1, EIGHT)
    for side in (0, 1)
)
"""The planes of the affine space of three dimensions over two elements, whose points are the parts."""
FIRST_SETS = (0, ALL, *ALONE, *(ALL - alone for alone in ALONE), *HALVES)
"""The sets that are tried first."""


@dataclass(frozen=True)
class FirstParts:
    """An estimate of explain.core.parts.PartValues, of the same face, fill and target.

    Attributes:
        parts: eight names (models/faces/regions.py, PARTS).
        values: (32,) float32, the target for each of FIRST_SETS.
        face: index of the face that was covered; the others stayed as they were.
        fill: what covered it ("blur", "grey").
        target: the scalar of the answer that is shared out.

    Raises:
        ValueError: shapes that do not agree.
    """

    parts: tuple[str, ...]
    values: np.ndarray
    face: int
    fill: str
    target: str

    def __post_init__(self) -> None:
        check_face(self.face)
        check(len(self.parts) == EIGHT, "first values are of eight parts")
        check_array("values", self.values, 1)
        check(len(self.values) == len(FIRST_SETS), f"values must hold {len(FIRST_SETS)} sets")

    @property
    def whole(self) -> float:
        """The target with every part in sight."""
        return float(self.values[1])

    @property
    def empty(self) -> float:
        """The target with every part covered."""
        return float(self.values[0])

    @property
    def phi(self) -> np.ndarray:
        """(8,) float32: about the Shapley value of each part; they add up to whole - empty."""
        return first_shapley(self.values).astype(np.float32)

    def without(self, part: str) -> float:
        """The target with this part alone covered. Raises ValueError: no such part."""
        return float(self.values[2 + EIGHT + self.parts.index(part)])


def first_shapley(values: np.ndarray) -> np.ndarray:
    """Shapley values of a game of eight players, estimated.

    Args:
        values: (32,) v of each of FIRST_SETS.

    Returns:
        (8,) float64, which add up to v(all) - v(none).
    """
    values = values.astype(np.float64)
    both = (ends(values) + halves(values)) / 2
    return both - both.mean() + (values[1] - values[0]) / EIGHT


def ends(values: np.ndarray) -> np.ndarray:
    """(8,) mean gain of each player as the first and as the last one, of values as first_shapley takes them."""
    none, every, (alone, left_out) = values[0], values[1], values[2:18].reshape(2, EIGHT)
    found: np.ndarray = (alone - none + every - left_out) / 2
    return found


def halves(values: np.ndarray) -> np.ndarray:
    """(8,) the halves with each player less those without it, of values as first_shapley takes them."""
    within = (np.array(HALVES)[:, None] >> np.arange(EIGHT) & 1) == 1  # (14, 8)
    signed = np.where(within, values[18:, None], -values[18:, None])
    found: np.ndarray = signed.sum(0) / EIGHT
    return found
