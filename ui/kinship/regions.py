"""What parts and regions of either face are worth to an answer, as the page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from explain.core.findings import letter
from explain.core.first_parts import FirstParts
from explain.core.parts import PartValues
from explain.report.parts import words_of
from ui.kinship import plots
from ui.shared import cards, evidence
from ui.shared.answering import Answer
from ui.shared.failures import FAILURES
from ui.shared.photos import Shot

Worth = tuple[FirstParts | PartValues, ...]


def tell_parts(
    turn: int, told: int | None, a: Shot | None, b: Shot | None, answer: Answer | None, threshold: float
) -> Iterator[list[Any]]:
    """What each part of either face is worth to an answer, and that in words: first figures, then the exact ones.

    Args:
        turn, told: number of the answer, and of the one the words are about; they stay where it is the same.

    Yields:
        `told`, the parts, and their words in full view; after a failure what was there before stays below it.
    """
    if turn == told or a is None or b is None or answer is None:
        yield [gr.skip()] * 3
        return
    parts = None
    try:
        for parts in evidence.growing_parts(a, b, answer.weight):
            yield [gr.skip(), parts, gr.update(value=say_parts(parts, threshold), elem_classes=[])]
    except FAILURES as error:
        said = cards.message(str(error), error=True) + ("" if parts is None else say_parts(parts, threshold))
        yield [None, None if parts is None else gr.skip(), gr.update(value=said, elem_classes=[])]
        return
    exact = parts is not None and all(isinstance(found, PartValues) for found in parts)
    yield [turn if exact else gr.skip(), gr.skip(), gr.skip()]


def say_parts(parts: Worth, threshold: float) -> str:
    """The parts in words, a paragraph a face, with what would turn the decision at a threshold."""
    faces = [f"face {letter(found.face).upper()}" for found in parts]
    said = zip(faces, map(escape, words_of(parts, threshold)), strict=True)
    return "".join(f"<p>{words.replace(face, f'<b>{face}</b>', 1)}</p>" for face, words in said)


def told_at_threshold(turn: int, told: int | None, parts: Worth | None, threshold: float) -> Any:
    """Exact words at the threshold of now, which may have moved while they were made."""
    return at_threshold(parts, threshold) if turn == told else gr.skip()


def at_threshold(parts: Worth | None, threshold: float) -> Any:
    """The words that are shown at another threshold, if there are any; no model runs."""
    return gr.skip() if parts is None else say_parts(parts, threshold)


def cover_regions(a: Shot | None, b: Shot | None, answer: Answer | None) -> tuple[Any, str]:
    """Bars and table of what covering each region takes from the score."""
    if a is None or b is None or answer is None:
        return None, ""
    try:
        drops = evidence.occlude_regions(a, b, answer.weight)
    except FAILURES as error:
        return None, cards.message(str(error), error=True)
    return plots.region_bars(drops), cards.region_table(drops)
