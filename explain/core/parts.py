"""What the parts of a face are worth to an answer: a frozen value that holds the answer for every set of parts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from explain.core.findings import check, check_array, check_face


@dataclass(frozen=True)
class PartSet:
    """Parts that are covered together, and what the decision's number is then.

    Attributes:
        parts: names of the covered parts.
        before, after: the number that decides, of the face as it is and with these parts covered.
    """

    parts: tuple[str, ...]
    before: float
    after: float


@dataclass(frozen=True)
class PartValues:
    """The answer for every set of parts that can be left in sight, and what follows from it exactly.

    Sets are numbered by bits: bit i of the index is 1 where part i is in sight, so index 0 has everything covered and
    the last one nothing.

    Attributes:
        parts: P names (models/faces/regions.py, PARTS).
        values: (2^P,) float32, the target for each set.
        decisions: (2^P,) float32, the number that decides for each set; at `threshold` or above the answer is yes.
        threshold: on `decisions`; default of `smallest_flip`.
        decided_by: what `decisions` are, in words.
        face: index of the face that was covered; the others stayed as they were.
        fill: what covered it ("blur", "grey").
        target: the scalar of the answer that is shared out.

    Raises:
        ValueError: shapes that do not agree.
    """

    parts: tuple[str, ...]
    values: np.ndarray
    decisions: np.ndarray
    threshold: float
    decided_by: str
    face: int
    fill: str
    target: str

    def __post_init__(self) -> None:
        check_face(self.face)
        for name in ("values", "decisions"):
            check_array(name, getattr(self, name), 1)
            check(len(getattr(self, name)) == 2 ** len(self.parts), f"{name} must hold 2^{len(self.parts)} sets")

    @property
    def whole(self) -> float:
        """The target with every part in sight."""
        return float(self.values[-1])

    @property
    def empty(self) -> float:
        """The target with every part covered."""
        return float(self.values[0])

    @property
    def phi(self) -> np.ndarray:
        """(P,) float32: Shapley value of each part; they add up to whole - empty."""
        return shapley(self.values).astype(np.float32)

    def without(self, part: str) -> float:
        """The target with this part alone covered. Raises ValueError: no such part."""
        return float(self.values[len(self.values) - 1 - (1 << self.parts.index(part))])

    def smallest_flip(self, threshold: float | None = None) -> PartSet | None:
        """The smallest set of parts whose covering turns the decision, found among all sets.

        Args:
            threshold: on the number that decides; by default the model's own.

        Returns:
            Of sets of equal size the one that moves the number furthest; None when no set turns the decision.
        """
        yes = self.decisions >= (self.threshold if threshold is None else threshold)
        turned = np.flatnonzero(yes != yes[-1])
        if not len(turned):
            return None
        moved = np.abs(self.decisions[turned] - self.decisions[-1])
        covered = [self._covered(int(index)) for index in turned]
        best = min(range(len(turned)), key=lambda i: (len(covered[i]), -float(moved[i])))
        return PartSet(covered[best], float(self.decisions[-1]), float(self.decisions[turned[best]]))

    def _covered(self, index: int) -> tuple[str, ...]:
        return tuple(part for i, part in enumerate(self.parts) if not index >> i & 1)


def shapley(values: np.ndarray) -> np.ndarray:
    """Exact Shapley values of a game (Shapley, 1953): the mean gain of a player over all orders of joining.

        phi_i = sum over S without i of |S|! (P - |S| - 1)! / P! (v(S and i) - v(S))

    Args:
        values: (2^P,) v of each set; bit i of the index is 1 where player i is in the set.

    Returns:
        (P,) float64, which add up to v(all) - v(none).
    """
    sets, players = np.arange(len(values)), len(values).bit_length() - 1
    sizes = (sets[:, None] >> np.arange(players) & 1).sum(1)
    weights = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    phi = np.empty(players)
    for i in range(players):
        out = sets[(sets >> i & 1) == 0]
        gains = values[out | 1 << i].astype(np.float64) - values[out]
        phi[i] = (weights[sizes[out]] * gains).sum()
    return phi
