"""Which families of the training part are held out for model selection: the same ones in every recipe."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HELD_OUT = 0.06
"""Fraction of the families."""
HELD_OUT_ROW = "of these, held-out families"
"""Name of the sidecar's data row on them: size counts families, hash is of their sorted names, one a line."""


def place(family: str) -> float:
    """A family's place in [0, 1) by the hash of its name ("F0001"): the same whatever other families there are."""
    return int(hashlib.sha256(family.encode()).hexdigest()[:8], 16) / 16**8


def is_held_out(family: str, fraction: float = HELD_OUT) -> bool:
    """The families with the lowest places: a larger fraction holds out the same families and more."""
    return place(family) < fraction


def held_out_of(families: Iterable[str], data: Sequence[Mapping[str, Any]]) -> list[str]:
    """The families that a weight's training held out, sorted, as its sidecar's data rows tell.

    The row HELD_OUT_ROW says how many and has the sha256 of their names. Without it: those of the default fraction.

    Raises:
        ValueError: the row is about other families than these.
    """
    families = sorted(set(families))
    row = next((r for r in data if r["name"] == HELD_OUT_ROW), None)
    if row is None:
        return [f for f in families if is_held_out(f)]
    lowest = sorted(sorted(families, key=place)[: row["size"]])
    if hashlib.sha256("\n".join(lowest).encode()).hexdigest() != row["hash"]:
        raise ValueError(f"the {row['size']} families this weight held out are not among those of the data folder")
    return lowest
