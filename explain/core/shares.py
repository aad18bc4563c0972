"""What is found about an answer that is a sum of parts: a frozen value that checks its own sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explain.core.findings import check, check_array


@dataclass(frozen=True)
class Shares:
    """The log-odds of a pair as a sum of parts, in both orders.

    Attributes:
        names: P parts of the network.
        orders: (2, P) float32, row 0 for (a, b) and row 1 for (b, a).
        totals: the model's own log-odds in either order.
        unit: of the numbers.
        caption: one or two sentences: what it is, and what it does not show.

    Raises:
        ValueError: shapes that do not agree, or parts that do not add up to the totals.
    """

    names: tuple[str, ...]
    orders: np.ndarray
    totals: tuple[float, float]
    unit: str
    caption: str

    def __post_init__(self) -> None:
        check_array("orders", self.orders, 2)
        check(self.orders.shape == (2, len(self.names)), f"{len(self.names)} names but parts {self.orders.shape}")
        slack = 1e-4 * (1 + float(np.abs(self.orders).sum(1).max()))
        apart = np.abs(self.orders.astype(np.float64).sum(1) - self.totals).max()
        check(bool(apart <= slack), f"the parts do not add up to the answer: they are {apart:.3g} apart")

    @property
    def values(self) -> np.ndarray:
        """(P,) float32: the mean over both orders."""
        return self.orders.mean(0)

    @property
    def total(self) -> float:
        """The log-odds, mean over both orders."""
        return sum(self.totals) / 2
