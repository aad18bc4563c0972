"""What parts and regions of either face are worth to an answer, as the folded parts of the page show it."""

from __future__ import annotations

from html import escape
from typing import Any

from explain.core.parts import PartValues
from explain.report.parts import words_of
from ui.kinship import plots
from ui.shared import cards, evidence
from ui.shared.answering import Answer
from ui.shared.failures import FAILURES
from ui.shared.photos import Shot


def part_words(
    a: Shot | None, b: Shot | None, answer: Answer | None, threshold: float
) -> tuple[tuple[PartValues, ...] | None, str]:
    """What each part of either face is worth to an answer, and that in words."""
    if a is None or b is None or answer is None:
        return None, ""
    try:
        parts = evidence.parts(a, b, answer.weight)
    except FAILURES as error:
        return None, cards.message(str(error), error=True)
    return parts, say_parts(parts, threshold)


def say_parts(parts: tuple[PartValues, ...] | None, threshold: float) -> str:
    """The parts in words, with what would turn the decision at a threshold; no model runs."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in words_of(parts, threshold)) if parts else ""


def cover_regions(a: Shot | None, b: Shot | None, answer: Answer | None) -> tuple[Any, str]:
    """Bars and table of what covering each region takes from the score."""
    if a is None or b is None or answer is None:
        return None, ""
    try:
        drops = evidence.occlude_regions(a, b, answer.weight)
    except FAILURES as error:
        return None, cards.message(str(error), error=True)
    return plots.region_bars(drops), cards.region_table(drops)
