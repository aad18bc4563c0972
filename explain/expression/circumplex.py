"""Valence and arousal of a distribution over expressions: derived from it, not learned.

The circumplex of J. A. Russell, "A circumplex model of affect", J. Pers. Soc. Psychol. 39:1161 (1980): words of affect
on a circle, pleasure at 0 degrees, arousal at 90. The angles are as read from the circular ordering of its 28 words,
not checked against the printed table: happy, astonished, angry, afraid and sad stand for the classes. A neutral face is
put at the middle, which is ours. Disgust and contempt are not among the words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

ANGLES = {"happiness": 7.8, "surprise": 69.8, "anger": 99.0, "fear": 116.0, "sadness": 207.5}
"""Degrees, counter-clockwise from pleasure."""
MIDDLE = ("neutral",)


@dataclass(frozen=True)
class Affect:
    """The mean place of the placed classes.

    Attributes:
        valence, arousal: in [-1, 1]; 0 where no class has a place.
        left_out: share of the votes for classes without a place, which the mean does not see.
    """

    valence: float
    arousal: float
    left_out: float


def affect(shares: Mapping[str, float]) -> Affect:
    """The expectation of the circle's coordinates over the classes that have a place, their shares brought to 1.

    Args:
        shares: class -> share of the votes, adding up to 1.
    """
    placed = {name: share for name, share in shares.items() if name in ANGLES or name in MIDDLE}
    total = sum(placed.values())
    if total <= 0:
        return Affect(0.0, 0.0, 1.0)
    across, up = (
        sum(placed.get(name, 0.0) * turn(math.radians(angle)) for name, angle in ANGLES.items()) / total
        for turn in (math.cos, math.sin)
    )
    return Affect(across, up, max(0.0, 1 - total))
