"""What was found about an answer before its report is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from explain.core.findings import Curve, Heatmap, RegionDrops
from explain.core.parts import PartValues


@dataclass(frozen=True)
class Known:
    """Findings that a report takes over; what is missing it makes itself.

    Attributes:
        maps, curves: one a face, by method.
        parts, regions: one a face; None when they were not made.
    """

    maps: Mapping[str, tuple[Heatmap, ...]] = field(default_factory=dict)
    curves: Mapping[str, tuple[Curve, ...]] = field(default_factory=dict)
    parts: tuple[PartValues, ...] | None = None
    regions: tuple[RegionDrops, ...] | None = None
