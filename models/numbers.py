"""The range of every number that a user gives, for command lines and endpoints alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import UserError


class RangeError(UserError, ValueError):
    """A number is none, or outside its range; the message names it and the range."""


@dataclass(frozen=True)
class Range:
    """Bounds, both included; `whole` allows integers only."""

    low: float
    high: float
    whole: bool = False

    @property
    def words(self) -> str:
        """ "a number from 0 to 1"."""
        return f"a {'whole ' * self.whole}number from {self.low:g} to {self.high:.10g}"

    def holds(self, value: Any) -> bool:
        """Is this a number of the range? NaN and infinities never are."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return math.isfinite(value) and (not self.whole or value == int(value))


RANGES: Mapping[str, Range] = {
    "threshold": Range(0, 1),
    "seed": Range(0, 2**32 - 1, whole=True),
    "factor": Range(0.05, 1),
    "rotation": Range(-180, 180),
    "scale": Range(0.25, 4),
    "shift": Range(-1, 1),
    "shift_x": Range(-1, 1),
    "shift_y": Range(-1, 1),
    "top": Range(0, 10_000, whole=True),
}
"""Name of an option or argument -> its range. Beyond a quarter or four times its size no face is left in a crop."""


def number(name: str, value: Any, shown: str = "") -> float:
    """The value as a number of its range.

    Args:
        name: a key of RANGES.  shown: what the message calls it, by default the name.

    Raises:
        RangeError: it is none, or outside.
    """
    return within(RANGES[name], value, shown or name)


def within(row: Range, value: Any, shown: str) -> float:
    """The value as a number of a range.

    Raises:
        RangeError: it is none, or outside; the message calls it `shown`.
    """
    if not row.holds(value):
        raise RangeError(f"{shown} is {row.words}, got {str(value)[:40]}")
    return float(value)


def check_options(options: Mapping[str, Any]) -> None:
    """Every option of a command line that has a range lies in it; None, for "not given", passes.

    Raises:
        RangeError: one does not; the message names the flag.
    """
    for name in RANGES.keys() & options.keys():
        values = options[name] if isinstance(options[name], list | tuple) else [options[name]]
        for value in values:
            if value is not None:
                number(name, value, f"--{name.replace('_', '-')}")
