"""What explainers find: frozen values that check their own shapes.

Arrays are float32 and hold raw values: nothing here is ever normalised to a range. Colours are render.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.Image import Resampling

LETTERS = "abc"
"""Of the faces of an answer, in their order: in names of files and arrays."""


def letter(face: int) -> str:
    """The letter of a face by its index: "a" for 0."""
    return LETTERS[face]


def check(condition: bool, message: str) -> None:
    """Raises ValueError with the message when the condition does not hold."""
    if not condition:
        raise ValueError(message)


def check_array(name: str, values: np.ndarray, ndim: int) -> None:
    """Raises ValueError when `values` is no finite float32 array of so many dimensions."""
    check(isinstance(values, np.ndarray) and values.dtype == np.float32, f"{name} must be a float32 array")
    check(values.ndim == ndim and values.size > 0, f"{name} must have {ndim} dimensions, got {values.shape}")
    check(bool(np.isfinite(values).all()), f"{name} has values that are not finite")


def check_face(face: int) -> None:
    """Raises ValueError when `face` is no index of a face."""
    check(
        isinstance(face, int) and 0 <= face < len(LETTERS), f"face must be from 0 to {len(LETTERS) - 1}, got {face!r}"
    )


def _check_grids(weights: np.ndarray, grid_q: tuple[int, int], grid_k: tuple[int, int]) -> None:
    """Attention (..., N, M) against the grids of its N queries and M keys."""
    n, m = weights.shape[-2:]
    check(grid_q[0] * grid_q[1] == n, f"grid_q {grid_q} does not hold {n} queries")
    check(grid_k[0] * grid_k[1] == m, f"grid_k {grid_k} does not hold {m} keys")
    check(bool(np.allclose(weights.sum(-1), 1, atol=1e-3)), "every row of an attention must sum to 1")


def _place(grid: tuple[int, int], row: int, column: int) -> int:
    """Index of a token in row-major order."""
    check(0 <= row < grid[0] and 0 <= column < grid[1], f"query ({row}, {column}) lies outside the grid {grid}")
    return row * grid[1] + column


@dataclass(frozen=True)
class Heatmap:
    """One number a place over the aligned crop.

    Attributes:
        values: (h, w) float32, raw, finite; covers the whole crop at any resolution.
        face: index of the face, from 0.
        method: label in EXPLAINERS.
        signed: values below zero speak against the target; a map that is not signed has none.
        unit: what the numbers are, for the colour bar.
        caption: one or two sentences: what it is, and what it does not show.
        floor: amounts below this are noise; a colour scale never ends below it.
        error: (h, w) float32 standard error of each value where the method draws samples, None where it does not.

    Raises:
        ValueError: wrong shape, type or face, values that are not finite, or below zero when not signed.
    """

    values: np.ndarray
    face: int
    method: str
    signed: bool
    unit: str
    caption: str
    floor: float = 1e-6
    error: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_array("values", self.values, 2)
        if self.error is not None:
            check_array("error", self.error, 2)
            check(self.error.shape == self.values.shape, "error and values must have one shape")
        check_face(self.face)
        check(self.signed or float(self.values.min()) >= 0, "a map with values below zero must be signed")
        check(self.floor > 0, "floor must be above zero")

    @property
    def empty(self) -> bool:
        """Does the map hold nothing, every value being below the noise floor?"""
        return float(np.abs(self.values).max()) < self.floor

    def resized(self, height: int, width: int) -> np.ndarray:
        """(height, width) float32: the values stretched bilinearly over the crop at another resolution."""
        return np.asarray(Image.fromarray(self.values).resize((width, height), Resampling.BILINEAR))


@dataclass(frozen=True)
class AttentionMaps:
    """The attention of one tap for one face.

    Attributes:
        weights: (heads, N, M) float32; every row over M sums to 1.
        grid_q, grid_k: (h, w) of the query tokens (h * w = N) and of the key tokens (h * w = M), over the crop.
        face: index of the face, from 0.
        name: of the tap.

    Raises:
        ValueError: shapes that do not agree, or rows that do not sum to 1.
    """

    weights: np.ndarray
    grid_q: tuple[int, int]
    grid_k: tuple[int, int]
    face: int
    name: str

    def __post_init__(self) -> None:
        check_array("weights", self.weights, 3)
        check_face(self.face)
        _check_grids(self.weights, self.grid_q, self.grid_k)

    def received(self) -> np.ndarray:
        """(h, w) of grid_k: attention each key place receives, mean over heads and queries; sums to 1."""
        return self.weights.mean((0, 1)).reshape(self.grid_k)

    def from_query(self, row: int, column: int) -> np.ndarray:
        """(heads, h, w): where the query token at (row, column) of grid_q looks, a map a head.

        Raises:
            ValueError: a place outside grid_q.
        """
        return self.weights[:, _place(self.grid_q, row, column)].reshape(-1, *self.grid_k)


@dataclass(frozen=True)
class RegionDrops:
    """How much the answer falls when a region of one face is covered.

    Attributes:
        regions: R names (models/faces/regions.py).
        drop: (R,) float32, baseline minus the answer with the region covered; below zero when covering it helps.
        face: index of the face that was covered; the others stayed as they were.
        fill: what covered it ("blur", "grey").
        baseline: the answer as it is, a probability in [0, 1].
        unit: the answer that was watched.

    Raises:
        ValueError: shapes that do not agree.
    """

    regions: tuple[str, ...]
    drop: np.ndarray
    face: int
    fill: str
    baseline: float
    unit: str = "score"

    def __post_init__(self) -> None:
        check_array("drop", self.drop, 1)
        check_face(self.face)
        check(len(self.regions) == len(self.drop), f"{len(self.regions)} regions but {len(self.drop)} drops")


@dataclass(frozen=True)
class Curve:
    """Deletion and insertion of one face's pixels in a map's order, beside a random order.

    Attributes:
        x: (n,) float32, fraction of the crop's pixels deleted or inserted, from 0 to 1.
        deletion: (n,) answer with the top x of the pixels filled; falls fast when the map is faithful.
        insertion: (n,) answer with all but the top x filled; rises fast when the map is faithful.
        random_deletion, random_insertion: (n,) the same for random orders, their mean.
        fill: what stands where pixels are missing ("blur", "grey").
        face: index of the face that was changed.
        method: label of the map.
        unit: the answer that was measured, a scalar of the output.

    Raises:
        ValueError: shapes that do not agree, or x that does not ascend from 0 to 1.
    """

    x: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray
    random_insertion: np.ndarray
    fill: str
    face: int
    method: str
    unit: str = "score"

    def __post_init__(self) -> None:
        for name in ("x", "deletion", "insertion", "random_deletion", "random_insertion"):
            check_array(name, getattr(self, name), 1)
            check(len(getattr(self, name)) == len(self.x), f"{name} and x differ in length")
        check_face(self.face)
        ascending = len(self.x) >= 2 and bool((np.diff(self.x) > 0).all())
        check(ascending and self.x[0] == 0 and self.x[-1] == 1, "x must ascend from 0 to 1")

    def _area(self, y: np.ndarray) -> float:
        return float((np.diff(self.x) * (y[1:] + y[:-1]) / 2).sum())

    @property
    def deletion_auc(self) -> float:
        """Area under the deletion curve (trapezoid); lower is more faithful."""
        return self._area(self.deletion)

    @property
    def insertion_auc(self) -> float:
        """Area under the insertion curve (trapezoid); higher is more faithful."""
        return self._area(self.insertion)

    @property
    def random_deletion_auc(self) -> float:
        """Area under the mean deletion curve of random orders."""
        return self._area(self.random_deletion)

    @property
    def random_insertion_auc(self) -> float:
        """Area under the mean insertion curve of random orders."""
        return self._area(self.random_insertion)


NOTICEABLE = 0.02
"""Areas under curves that differ by less, of a score from 0 to 1, are called equal."""


def noticeably_better(
    deletion: float, random_deletion: float, insertion: float, random_insertion: float
) -> tuple[bool, bool]:
    """From areas under curves: is a map better than random orders at deletion, at insertion, by NOTICEABLE?"""
    return random_deletion - deletion >= NOTICEABLE, insertion - random_insertion >= NOTICEABLE


@dataclass(frozen=True)
class Links:
    """Cross-attention of one tap in one order of the pair: from the places of one face to those of the other.

    Attributes:
        weights: (N, M) float32; every row over M sums to 1.
        grid_q, grid_k: (h, w) of the places that ask (h * w = N) and of those that are looked at (h * w = M), each over
            its own crop.
        face: index of the face that asks: 0 (a -> b) or 1 (b -> a).
        name: of the tap.
        caption: one or two sentences: what it is, and what it does not show.

    Raises:
        ValueError: shapes that do not agree, or rows that do not sum to 1.
    """

    weights: np.ndarray
    grid_q: tuple[int, int]
    grid_k: tuple[int, int]
    face: int
    name: str
    caption: str

    def __post_init__(self) -> None:
        check_array("weights", self.weights, 2)
        check_face(self.face)
        _check_grids(self.weights, self.grid_q, self.grid_k)

    def received(self) -> np.ndarray:
        """(h, w) of grid_k: how much each place is looked at, mean over all that ask; sums to 1."""
        return self.weights.mean(0).reshape(self.grid_k)

    def from_query(self, row: int, column: int) -> np.ndarray:
        """(h, w) of grid_k: where the place at (row, column) of grid_q looks; sums to 1.

        Raises:
            ValueError: a place outside grid_q.
        """
        return self.weights[_place(self.grid_q, row, column)].reshape(self.grid_k)

    def strongest(self, count: int) -> list[tuple[tuple[int, int], tuple[int, int], float]]:
        """The largest weights, strongest first: (row, column) that asks, (row, column) looked at, weight."""
        order = np.argsort(-self.weights, axis=None, kind="stable")[:count]
        pairs = zip(*np.unravel_index(order, self.weights.shape), strict=True)
        return [
            (divmod(int(i), self.grid_q[1]), divmod(int(j), self.grid_k[1]), float(self.weights[i, j]))
            for i, j in pairs
        ]
