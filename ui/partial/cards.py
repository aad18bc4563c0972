"""Pieces of the tab Partial face as HTML: pure functions from what was found to markup."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from explain.core import render
from explain.partial.edit import WORN, Edit
from explain.partial.find import ATTENTION, CAPTIONS, TITLES, PartialLook, Said
from explain.partial.loss import Losses
from explain.partial.render import part_picture, shared_limit
from models.faces.partial_crops import LANDMARKS, WHOLE
from models.tasks import TASKS
from models.weights import Sidecar
from ui.partial.answers import Held
from ui.shared.cards import colour_scale, figure, gauge, percent, picture
from ui.shared.doubts import NONE, Doubts

LITTLE = 0.02
"""Below this share of the face an answer comes with a warning."""
NOTICEABLE = 0.001
"""Importances that move by less are called unmoved."""


def answer(look: PartialLook, sidecars: Mapping[str, Sidecar], doubts: Doubts = NONE) -> str:
    """The answer first: the attention model's score and decision, then every network, whole and now."""
    said, row = look.now.said[ATTENTION], sidecars[ATTENTION]
    rows = "".join(_answer_row(name, look, sidecars[name]) for name in look.now.said)
    warning = (
        f"<p class='ks-error'>Only {percent(look.visible)} of the face is left: an answer about so little means little."
        "</p>"
        if look.visible < LITTLE
        else ""
    )
    return (
        f"<section class='ks-answer' role='status' data-score='{said.score!r}' data-visible='{look.visible!r}'>"
        f"<div class='ks-head'>{doubts.big(percent(said.score))}<div>"
        f"{doubts.decision(f'Decision: {escape(decision(said))}')}"
        f"<div class='ks-sub'>of the attention model, {escape(what_is_left(look.edit))}: {percent(look.visible)} of "
        f"the face is visible</div></div></div>{gauge(said.score, said.threshold)}{warning}{doubts.listed}"
        "<div class='ks-scroll'><table class='ks-table ks-arms'><thead><tr><th scope='col'>network</th>"
        f"<th scope='col'>whole face</th><th scope='col'>now</th></tr></thead><tbody>{rows}</tbody></table></div>"
        "<p class='ks-protocol'>Calibrated probability that both photos show one person, with the decision at each "
        f"network's own threshold; both were fitted on {escape(row.rule.operating_points.protocol)}</p></section>"
    )


def _answer_row(name: str, look: PartialLook, row: Sidecar) -> str:
    cells = "".join(_said_cell(asked.said[name]) for asked in (look.whole, look.now))
    small = f"<small>{escape(row.name)}, threshold {percent(row.rule.threshold)}</small>"
    return f"<tr data-network='{escape(name)}'><th scope='row'>{escape(TITLES[name])}{small}</th>{cells}</tr>"


def _said_cell(said: Said) -> str:
    return (
        f"<td data-score='{said.score!r}'><b>{percent(said.score)}</b><small>{escape(decision(said))}</small>"
        f"<small>cosine {said.similarity:+.3f}</small></td>"
    )


def decision(said: Said) -> str:
    """In words."""
    return TASKS["verification"].decision(said.same)


def what_is_left(edit: Edit) -> str:
    """An edit in words."""
    if edit.part in LANDMARKS:
        told = f"a window around the {edit.part}, size {edit.factor:g}"
    elif edit.part in WORN:
        told = f"with {'sunglasses' if edit.part == 'sunglasses' else 'a mask'}"
    else:
        told = "whole face" if edit.part == WHOLE else f"{edit.part} only"
    told += ", edited by hand" if edit.erased is not None else ""
    return told + (", moved to the middle" if edit.centred and edit.changes else "")


def seen(look: PartialLook) -> str:
    """What the networks compare: both faces, and what is left of the second."""
    pictures = (
        (look.crops[0], "Photo 1, aligned"),
        (look.crops[1], "Photo 2, aligned"),
        (look.edited.image, "Photo 2, as fed"),
    )
    shown = "".join(figure(rgb, f"{title}, 160 × 160 px", title) for rgb, title in pictures)
    return (
        f"<div class='ks-maps'><div class='ks-grid3'>{shown}</div><p class='ks-caption'>Hidden pixels are the "
        "protocol's grey (128), which the two networks of this method met in training. The reference encoder gets the "
        "same edit in its own 150 px crop, carried over by the alignment.</p></div>"
    )


def parts(look: PartialLook, chosen: int, kind: str, opacity: float) -> str:
    """Paired bars of the importances, and all maps; both are buttons that show a part's map large."""
    whole, now = look.whole.parts[1].weights, look.now.parts[1].weights
    top = 1.1 * float(max(whole.max(), now.max()))
    bars = "".join(
        _bar(k, float(w), float(n), top, k == chosen) for k, (w, n) in enumerate(zip(whole, now, strict=True))
    )
    even = 100 / (len(now) * top)
    limit = shared_limit((look.now.parts[1], look.whole.parts[1]), kind)
    maps = "".join(_thumbnail(look, k, chosen, kind, opacity, limit) for k in range(len(now)))
    return (
        "<div class='ks-legend'><span><i class='ks-was'></i>whole face</span><span><i class='ks-is'></i>now</span>"
        f"<span><i class='ks-even'></i>all alike, {100 / len(now):.1f} %</span></div>"
        "<div class='ks-bars' role='toolbar' data-row aria-label='importance of each part' "
        f"style='--even:{even:.2f}%;--n:{len(now)}'>{bars}</div>"
        f"<p class='ks-caption'>{escape(moved(whole, now))} Under each bar: its importance "
        "now, and by how many percentage points it moved. Importances add up to 100 %; the method keeps any two "
        "within a factor of 1.65.</p>"
        f"<div class='ks-tiles' role='toolbar' data-row aria-label='maps of all parts'>{maps}</div>"
    )


def _bar(k: int, whole: float, now: float, top: float, chosen: bool) -> str:
    told = f"Part {k + 1}: importance {100 * now:.2f} % now, {100 * whole:.2f} % for the whole face. Show its map"
    return (
        f"<button type='button' class='ks-bar-pair' data-part='{k}' aria-pressed='{str(chosen).lower()}' "
        f"aria-label='{told}' title='{told}'><span class='ks-columns'><i class='ks-was' style='height:"
        f"{100 * whole / top:.2f}%'></i><i class='ks-is' style='height:{100 * now / top:.2f}%'></i></span>"
        f"<b>{k + 1}</b><span>{100 * now:.1f}</span><span>{100 * (now - whole):+.2f}</span></button>"
    )


def _thumbnail(look: PartialLook, k: int, chosen: int, kind: str, opacity: float, limit: float) -> str:
    heatmap = look.now.parts[1].heatmap(k, kind)
    over = render.overlay(look.edited.image, heatmap, opacity=opacity, limit=limit)
    low, high = float(heatmap.values.min()), float(heatmap.values.max())
    return (
        f"<button type='button' class='ks-tile' data-part='{k}' aria-pressed='{str(k == chosen).lower()}' "
        f"aria-label='Part {k + 1}: show its map, {low:.3g} to {high:.3g}'>{picture(over, '')}"
        f"<span>{k + 1}</span></button>"
    )


def moved(whole: np.ndarray, now: np.ndarray) -> str:
    """Which importances moved most, in words."""
    change = now - whole
    if float(np.abs(change).max()) < NOTICEABLE:
        return "The importances are those of the whole face, to a tenth of a percentage point."
    up, down = int(change.argmax()), int(change.argmin())
    return (
        f"Part {up + 1} gained most ({100 * change[up]:+.2f} points), part {down + 1} lost most "
        f"({100 * change[down]:+.2f})."
    )


def large(look: PartialLook, k: int, kind: str, opacity: float) -> str:
    """One part's map on the whole face and on what is left, on the scale of all maps."""
    both = (look.whole.parts[1], look.crops[1], "whole face"), (look.now.parts[1], look.edited.image, "now")
    limit = shared_limit(tuple(p for p, _, _ in both), kind)
    shown, unit, signed = "", "", False
    for part, crop, word in both:
        heatmap = part.heatmap(k, kind)
        unit, signed = heatmap.unit, heatmap.signed
        over = part_picture(crop, heatmap, opacity=opacity, limit=limit)
        span = f"{float(heatmap.values.min()):.2g} to {float(heatmap.values.max()):.2g}"
        title = f"Part {k + 1}, {word}: {100 * float(part.weights[k]):.2f} %"
        shown += figure(over, f"map of part {k + 1}, {word}, {span}", f"{title}; map {span}")
    return (
        f"<div class='ks-maps' data-shown='{k}'><div class='ks-grid2'>{shown}</div>"
        f"{colour_scale(limit, signed=signed, unit=unit)}"
        f"<p class='ks-caption'><b>Part {k + 1}.</b> {escape(CAPTIONS[kind])} All parts, whole and now, share one "
        "colour scale.</p></div>"
    )


def order(held: Held) -> str:
    """Which parts can go, for each network: faces, scores, and the step at which the decision flips."""
    told = "".join(_order_of(name, found, held.stages[name]) for name, found in held.order.items())
    return (
        f"<div class='ks-maps'>{told}<p class='ks-caption'>At each step the part goes whose loss leaves the highest "
        "score, starting from the whole face of photo 2; it stops when the decision flips, or when one part is left. "
        "The search is greedy: it does not try every combination, so another order may spare more. Parts come from the "
        "five keypoints; everything else is cheeks, hair and background.</p></div>"
    )


def _order_of(name: str, found: Losses, stages: list[np.ndarray]) -> str:
    steps = "".join(
        f"<li{' class=ks-flip' if not step.said.same else ''} data-part='{escape(step.part)}' "
        f"data-score='{step.said.score!r}'>{picture(stage, f'{i} parts hidden, the last: {step.part}')}"
        f"<b>− {escape(step.part)}</b><span>{percent(step.said.score)}</span>"
        f"<small>{escape(decision(step.said))}</small></li>"
        for i, (step, stage) in enumerate(zip(found.steps, stages, strict=True), 1)
    )
    shown = f"<ol class='ks-steps'>{steps}</ol>" if steps else ""
    return f"<h3>{escape(TITLES[name])}</h3><p>{escape(lost_words(found))}</p>{shown}"


def lost_words(found: Losses) -> str:
    """What the order says, in a sentence."""
    if not found.whole.same:
        return (
            f"Even the whole face is called {decision(found.whole)} ({percent(found.whole.score)}): there is no match "
            "to lose."
        )
    if not found.flipped:
        return f"The match holds to the end: with only the {found.left[0]} left it is still called one person."
    last = found.steps[-1]
    before = "one part" if found.spared == 1 else f"{found.spared} parts"
    spared = f"{before} can go" if found.spared else "No part can go"
    return f"{spared[0].upper() + spared[1:]}; without the {last.part} the decision flips to {decision(last.said)}."
