"""What the parts of the faces are worth, for a report: figures and sentences from one finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explain.core.findings import letter
from explain.core.first_parts import FirstParts
from explain.core.parts import PartValues
from explain.core.words import FIRST, flip_sentence, part_sentences


def words_of(found: Sequence[FirstParts | PartValues], threshold: float | None = None) -> list[str]:
    """A paragraph a face: what its parts carry, and the smallest set whose covering turns the decision.

    Args:
        found: one a face; of first figures it is said that they are.
        threshold: of the decision; by default the model's own.
    """
    return [f"{part_sentences(f, f'face {letter(f.face).upper()}')} {_last(f, threshold)}" for f in found]


def _last(found: FirstParts | PartValues, threshold: float | None) -> str:
    return flip_sentence(found, threshold) if isinstance(found, PartValues) else FIRST


def part_figures(found: PartValues, threshold: float | None = None) -> dict[str, Any]:
    """Every number of a finding, for JSON; the decision at a threshold, by default the model's own."""
    flip = found.smallest_flip(threshold)
    turned = flip and {"covered": list(flip.parts), "before": flip.before, "after": flip.after}
    return {
        "face": letter(found.face),
        "target": found.target,
        "fill": found.fill,
        "whole": found.whole,
        "empty": found.empty,
        "shapley": dict(zip(found.parts, found.phi.tolist(), strict=True)),
        "decided_by": found.decided_by,
        "threshold": found.threshold if threshold is None else threshold,
        "smallest_flip": turned,
        "values": found.values.tolist(),
    }
