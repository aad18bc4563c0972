"""Up to four methods on the same pair: their maps beside each other, what each is worth, and how far they agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from explain import EXPLAINERS, Curve
from explain.core import render
from explain.core.agreement import agreement
from ui.shared import cards, evidence, offering
from ui.shared.answering import Answer
from ui.shared.evidence import Maps
from ui.shared.failures import FAILURES
from ui.shared.photos import Shot

MOST, FIRST = 4, 3
"""Methods at once, and those that are chosen at first: the page's own, and the next ones."""
SIDE = 150
"""Of a picture, pixels."""
OPACITY = 0.55
CHOOSE = f"Choose up to {MOST} methods."
STOPPED = "Stopped: the methods that had answered until then are shown. Choose methods again to go on."
SAME = (
    "Spearman's rank correlation of the places, mean of both faces: 1 the same order, 0 none, -1 the opposite. Methods "
    "that agree can be wrong together; each one's test stands under its maps."
)


@dataclass(frozen=True)
class Tried:
    """One method on the pair.

    Attributes:
        maps: None where it failed.
        curves: how the maps were tested.
        error: why it failed; empty where it did not.
    """

    method: str
    maps: Maps | None = None
    curves: tuple[Curve, ...] = ()
    error: str = ""


def try_method(a: Shot, b: Shot, weight: str, method: str) -> Tried:
    """Maps of a method at its own layer, and their test."""
    try:
        maps = evidence.make_maps(a, b, weight, method, offering.default_layer(weight, method))
        return Tried(method, maps, evidence.curves(a, b, maps))
    except FAILURES as error:
        return Tried(method, error=str(error))


def compare(
    opened: bool | None, filled: Any, turn: Any, a: Shot | None, b: Shot | None, answer: Answer | None, asked: list[str]
) -> Iterator[list[Any]]:
    """Values for what the part was filled for, its panel, picker, view, note and stop button, as the methods answer.

    Nothing where the part is closed. Where none that was chosen is left, with another model, it begins anew.
    """
    if not opened or a is None or b is None or answer is None:
        yield [gr.skip()] * 6
        return
    choices = offering.method_choices(answer.weight)
    offered = [label for _, label in choices]
    chosen = list(dict.fromkeys(m for m in asked or [] if m in offered))[:MOST]
    if turn != (filled or (None,))[0] and not chosen:
        best = offering.default_method(answer.weight)
        chosen = [best, *(m for m in offered if m != best)][:FIRST]
    if filled == (turn, *chosen):
        yield [gr.skip(), gr.update(elem_classes=[]), *[gr.skip()] * 4]
        return
    picker, stop = gr.update(choices=choices, value=chosen), gr.update(visible=len(chosen) > 0)
    yield [None, gr.update(elem_classes=[]), picker, view([], chosen), "", stop]
    tried: list[Tried] = []
    for method in chosen:
        tried.append(try_method(a, b, answer.weight, method))
        yield [*[gr.skip()] * 3, view(tried, chosen), gr.skip(), gr.skip()]
    failed = any(one.error for one in tried)  # tried again when the part is opened again
    yield [None if failed else (turn, *chosen), *[gr.skip()] * 4, gr.update(visible=False)]


def stopped() -> tuple[str, Any]:
    """After a stop: a note, and no stop button."""
    return cards.message(STOPPED), gr.update(visible=False)


def view(tried: Sequence[Tried], chosen: Sequence[str]) -> str:
    """All methods, those to come as their names, and their agreement."""
    if not chosen:
        return cards.message(CHOOSE)
    waiting = "".join(f"<section>{_title(m)}{cards.message('...')}</section>" for m in chosen[len(tried) :])
    return f"<div class='ks-side'>{''.join(map(_tried, tried))}{waiting}</div>{_agreement(tried)}"


def _title(method: str) -> str:
    return f"<h3>{escape(EXPLAINERS[method].title)}</h3>"


def _tried(one: Tried) -> str:
    if one.maps is None:
        return f"<section>{_title(one.method)}{cards.message(one.error, error=True)}</section>"
    limit = render.shared_limit(one.maps.maps)
    faces = "".join(_face(one.maps, face, limit) for face in range(len(one.maps.maps)))
    said = "".join(f"<li><b>Face {cards.capital(c.face)}:</b> {cards.reading(c)}.</li>" for c in one.curves)
    return (
        f"<section data-method='{one.method}'>{_title(one.method)}<div class='ks-grid2'>{faces}</div>"
        f"<ul class='ks-readings'>{said}</ul></section>"
    )


def _face(maps: Maps, face: int, limit: float) -> str:
    heatmap = maps.maps[face]
    large = np.asarray(Image.fromarray(maps.crops[face]).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    over, name = render.overlay(large, heatmap, opacity=OPACITY, limit=limit), cards.capital(face)
    low, high = float(heatmap.values.min()), float(heatmap.values.max())
    title = EXPLAINERS[heatmap.method].title
    return cards.figure(over, f"{title} map over face {name}, values from {low:.3g} to {high:.3g}", f"Face {name}")


def _agreement(tried: Sequence[Tried]) -> str:
    """A table with a row for each two methods, the most alike first."""
    made = [(one.method, one.maps.maps) for one in tried if one.maps is not None]
    found = [(agreement(x, y), m, n) for (m, x), (n, y) in combinations(made, 2)]
    if not found:
        return ""
    found.sort(key=lambda row: (row[0] is None, -(row[0] or 0)))
    rows = "".join(
        f"<tr><th scope='row'>{escape(EXPLAINERS[m].title)} and {escape(EXPLAINERS[n].title)}</th>"
        f"<td>{'–' if r is None else f'{r:+.2f}'}</td></tr>"
        for r, m, n in found
    )
    return (
        f"<table class='ks-table ks-agree'><caption>How far they agree. {SAME}</caption><tbody>{rows}</tbody></table>"
    )
