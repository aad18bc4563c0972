"""Which families of the training part are held out for model selection: the same ones in every recipe."""

from __future__ import annotations

import hashlib

HELD_OUT = 0.06
"""Fraction of the families."""


def is_held_out(family: str, fraction: float = HELD_OUT) -> bool:
    """By the hash of the family's name ("F0001"): does not change when families are added or reordered."""
    return int(hashlib.sha256(family.encode()).hexdigest()[:8], 16) / 16**8 < fraction
