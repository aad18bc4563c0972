"""What is found about position offsets: frozen values that check their own shapes. Raw float32, never normalised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from explain.core.findings import AttentionMaps

Grid = tuple[int, int]


@dataclass(frozen=True)
class Offsets:
    """What one layer added to the attention logits of one face: B_ij for every query i and key j.

    Attributes:
        values: (heads, N, N) float32, signed, query before key; added to (scale * q_i) . k_j before the softmax.
        grid: (h, w) of the N tokens over the crop, in rows.
        name: of the `rpe_bias` tap.

    Raises:
        ValueError: shapes that do not agree, another type, or values that are not finite.
    """

    values: np.ndarray
    grid: Grid
    name: str

    def __post_init__(self) -> None:
        tokens = self.grid[0] * self.grid[1]
        if self.values.dtype != np.float32 or self.values.ndim != 3 or self.values.shape[1:] != (tokens, tokens):
            raise ValueError(f"offsets must be float32 (heads, {tokens}, {tokens}), got {self.values.shape}")
        if not np.isfinite(self.values).all():
            raise ValueError("offsets have values that are not finite")

    def from_query(self, row: int, column: int, head: int | None = None) -> np.ndarray:
        """(h, w) float32: what the query token at (row, column) adds for each key, one head or the mean of all.

        Raises:
            ValueError: a place outside the grid, or no such head.
        """
        return self.mean(head)[self._token(row, column)].reshape(self.grid)

    def mean(self, head: int | None = None) -> np.ndarray:
        """(N, N) float32: one head, counted from 0, or the mean of all.

        Raises:
            ValueError: no such head.
        """
        if head is None:
            return self.values.mean(0)
        if not 0 <= head < len(self.values):
            raise ValueError(f"head {head} of {len(self.values)}")
        return self.values[head]

    def _token(self, row: int, column: int) -> int:
        if not (0 <= row < self.grid[0] and 0 <= column < self.grid[1]):
            raise ValueError(f"query ({row}, {column}) lies outside the grid {self.grid}")
        return row * self.grid[1] + column


@dataclass(frozen=True)
class Followed:
    """One network on a face twice: aligned, and moved. One pass for both.

    Attributes:
        similarity: cosine of the two embeddings, in [-1, 1].
        offsets: `rpe_bias` tap -> offsets of the aligned and of the moved face, in order of depth; empty where the
            network adds none.
        attention: `attn` tap -> weights that came out of the same layers for the moved face.
    """

    similarity: float
    offsets: Mapping[str, tuple[Offsets, Offsets]]
    attention: Mapping[str, AttentionMaps]


@dataclass(frozen=True)
class Sweep:
    """How alike a face stays to its aligned self while one thing about its crop changes.

    Attributes:
        what: the attribute of models.faces.affine.Move that changes; the others keep their defaults.
        values: (n,) float32, ascending.
        similarity: network -> (n,) float32, cosine of the embeddings of the aligned and the moved face.

    Raises:
        ValueError: lengths that do not agree, or values that do not ascend.
    """

    what: str
    values: np.ndarray
    similarity: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or len(self.values) < 2 or not (np.diff(self.values) > 0).all():
            raise ValueError("the values of a sweep must ascend")
        for name, y in self.similarity.items():
            if y.shape != self.values.shape:
                raise ValueError(f"{name} has {y.shape} similarities for {len(self.values)} values")


@dataclass(frozen=True)
class Query:
    """Whose offsets are written: a patch (row, column) of a block, one head or None for the mean of all."""

    patch: Grid
    block: int
    head: int | None = None
