"""What every evaluation task gets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.pair import PairModel
from models.weights import Sidecar

CHOICE = "of several faces the one nearest the image centre is taken"
RAW = (
    f"raw photos, detection and alignment included ({CHOICE}; without a detectable face the largest central square is "
    "taken for an ArcFace-framed crop)"
)


@dataclass(frozen=True)
class Setup:
    """What a task gets.

    Attributes:
        model, sidecar: the trained model and what is known of it.
        data: --data as given, None to look for it.
        pairs: --pairs, for the task "pairs".  triplets: --triplets, for "tri".  images: --images, for either list.
    """

    model: PairModel
    sidecar: Sidecar
    data: Path | None = None
    pairs: Path | None = None
    triplets: Path | None = None
    images: Path | None = None
