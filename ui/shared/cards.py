"""Pieces of the page as HTML: pure functions from values to markup. Everything from outside is escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from explain import EXPLAINERS, Curve, RegionDrops
from explain.core import render
from explain.core.findings import letter, noticeably_better
from models.faces.quality import Quality
from models.prior import EVEN, posterior
from models.tasks import TASKS, Task
from ui.shared.answering import Answer, Verdict, network, sidecar
from ui.shared.doubts import NONE, Doubts
from ui.shared.evidence import Maps
from ui.shared.photos import Shot

CROP_SIDE, PHOTO_SIDE = 360, 640
"""Sides in pixels at which crops, and photos under a map, are drawn on the page; of a photo the longest, at most."""
NOTICE = (
    "<div class='ks-notice' role='note'><strong>Research demonstration.</strong> A score is no proof of kinship or "
    "identity and must not be used to decide about people. The models carry the bias of their training data; those "
    "data are for research only, so are the kinship weights. Photos stay on the machine that runs this app and are "
    "deleted with the session's cache.</div>"
)


def capital(face: int) -> str:
    """What the page calls a face by its index: A, B, C."""
    return letter(face).upper()


def percent(share: float) -> str:
    """A share in [0, 1] with one decimal; never rounded to a false 0 or 100."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def picture(rgb: np.ndarray, alt: str) -> str:
    """An <img> that carries its own pixels: (H, W, 3) uint8."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=90, subsampling=0)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/jpeg;base64,{data}">'


def figure(rgb: np.ndarray, alt: str, caption: str) -> str:
    return f"<figure>{picture(rgb, alt)}<figcaption>{escape(caption)}</figcaption></figure>"


def colour_scale(limit: float, *, signed: bool, unit: str, low: float = 0.0) -> str:
    """The colours of maps from `low`, or from -limit when signed, to limit: with numbers, on the page's own ground."""
    low = -limit if signed else low
    numbers = "".join(f"<span>{low + share * (limit - low):.3g}</span>" for share in (0.0, 0.5, 1.0))
    label = escape(f"colour scale from {low:.3g} to {limit:.3g}: {unit}")
    return (
        f"<div class='ks-scale' role='img' aria-label='{label}'><b>{escape(unit)}</b><i style='background-image:"
        f"linear-gradient(90deg,{','.join(render.stops(signed=signed))})'></i>{numbers}</div>"
    )


class ErrorMessage(str):
    """Markup that stands in the place of what could not be made."""


def message(text: str, *, error: bool = False) -> str:
    """A line for people: what is missing, or, as an ErrorMessage, what went wrong (of a longer text the first line)."""
    role, kind = ("alert", "ks-error") if error else ("status", "ks-hint")
    line = f"<div class='{kind}' role='{role}'>{escape(text.partition(chr(10))[0])}</div>"
    return ErrorMessage(line) if error else line


def no_maps(text: str) -> str:
    """Why no maps are drawn; no room is kept for them."""
    return f"<div class='ks-nomaps'>{message(text)}</div>"


def quality_note(quality: Quality, faces: int, note: str = "") -> str:
    """What a photo offers, under the photo; before it a note about the file."""
    note = f"{escape(note)} " if note else ""
    found = f"{faces} faces found: pick one. " if faces > 1 else ""
    warnings = "".join(f"<li>{escape(w)}</li>" for w in quality.warnings)
    listed = f"<ul class='ks-warnings' aria-label='warnings'>{warnings}</ul>" if warnings else ""
    return f"<div class='ks-quality' role='status'>{note}{found}<b>Face:</b> {escape(quality.words)}{listed}</div>"


def answer_card(
    answer: Answer, verdict: Verdict, threshold: float, prior: float = EVEN, known: str = "", doubts: Doubts = NONE
) -> str:
    """The answer first: probability and decision in one sentence, and its place beside the threshold.

    Args:
        answer, verdict, threshold: what was decided.
        prior: the share of matching pairs the probability is for; the threshold is held against the score of one half.
        known: markup about what is known of the two people.
        doubts: about both faces.
    """
    task = TASKS[sidecar(answer.weight).task]
    even = prior == EVEN
    side = f"{'' if even else 'the score is '}{'at or above' if verdict.above else 'below'}"
    assumed = f"if {'half' if even else percent(prior)} of all {task.share}"
    score = "" if even else f" The score, for half of them, is {percent(answer.score)}."
    return (
        f"<section class='ks-answer' role='status' data-score='{answer.score!r}'>"
        f"<div class='ks-head'>{doubts.big(percent(posterior(answer.score, prior)))}<div>"
        f"{doubts.decision(f'Decision: {escape(verdict.decision)}')}"
        f"<div class='ks-sub'>The {task.score}, {assumed}; {side} the threshold of {percent(threshold)}."
        f"{score}</div></div></div>"
        f"{gauge(answer.score, threshold)}{doubts.listed}{known}</section>"
    )


def answer_details(answer: Answer, verdict: Verdict, threshold: float) -> str:
    """Raw score, both orders, the weight, and what the threshold costs."""
    task = TASKS[sidecar(answer.weight).task]
    return f"<div class='ks-details'>{_facts(answer)}{_cost(task, verdict, threshold)}</div>"


def gauge(score: float, threshold: float) -> str:
    """A score on a bar from 0 to 1, with the threshold as a mark."""
    label = f"score {percent(score)} on a scale from 0 to 100 %, threshold at {percent(threshold)}"
    return (
        f"<div class='ks-gauge' role='img' aria-label='{label}'><span class='ks-fill' style='width:{100 * score:.2f}%'>"
        f"</span><span class='ks-mark' style='left:{100 * threshold:.2f}%'></span></div>"
    )


def _facts(answer: Answer) -> str:
    rows = (
        ("Raw score (cosine)", f"{answer.similarity:+.4f}"),
        ("Score (A, B)", percent(answer.score_ab)),
        ("Score (B, A)", percent(answer.score_ba)),
        ("Weight", answer.weight),
    )
    return "<dl class='ks-facts'>" + "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in rows) + "</dl>"


def _cost(task: Task, verdict: Verdict, threshold: float) -> str:
    return (
        f"<div class='ks-cost'><p>What the threshold {percent(threshold)} costs, as measured:</p><ul>"
        f"<li><b>FAR {percent(verdict.far)}</b>: of {task.wrong_yes}</li>"
        f"<li><b>TAR {percent(verdict.tar)}</b>: of {task.right_yes}</li>"
        f"</ul><p class='ks-protocol'>Measured on: {escape(verdict.protocol)}</p></div>"
    )


def maps_view(maps: Maps, a: Shot, b: Shot, opacity: float) -> str:
    """Both faces with their maps, on the crops and on the photos, in one scale with its numbers."""
    row, limit = EXPLAINERS[maps.method], render.shared_limit(maps.maps)
    first = maps.maps[0]
    spread = "".join(_on_crop(maps, face, opacity, limit) for face in range(len(maps.maps)))
    photos = "".join(_on_photo(shot, maps, face, opacity, limit) for face, shot in enumerate((a, b)))
    bar = colour_scale(limit, signed=first.signed, unit=first.unit)
    return (
        f"<div class='ks-maps'><div class='ks-grid4'>{spread}</div>{bar}"
        f"<div class='ks-grid2'>{photos}</div>"
        f"<p class='ks-caption'><b>{escape(row.title)}.</b> {escape(first.caption)} It reads {escape(row.reads)}. "
        "Both faces share one colour scale, so colours can be compared between them.</p></div>"
    )


def _on_crop(maps: Maps, face: int, opacity: float, limit: float) -> str:
    heatmap, crop = maps.maps[face], maps.crops[face]
    large = np.asarray(Image.fromarray(crop).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BICUBIC))
    over, name = render.overlay(large, heatmap, opacity=opacity, limit=limit), capital(face)
    low, high = float(heatmap.values.min()), float(heatmap.values.max())
    seen = f"Face {name}: the crop the model saw, {crop.shape[1]} × {crop.shape[0]} px"
    return figure(large, seen, seen) + figure(
        over,
        f"{EXPLAINERS[maps.method].title} map over face {name}, values from {low:.3g} to {high:.3g}",
        f"Face {name}: map, {low:.2g} to {high:.2g}",
    )


def _on_photo(shot: Shot, maps: Maps, face: int, opacity: float, limit: float) -> str:
    whole = shot.faces_in_view(PHOTO_SIDE)[shot.chosen]
    drawn = render.on_photo(whole, network(maps.weight).spec, maps.maps[face], opacity=opacity, limit=limit)
    return figure(drawn, f"map of face {capital(face)} over its photo", f"Photo {capital(face)}: map, warped back")


def region_table(drops: Sequence[RegionDrops]) -> str:
    """What covering each region takes from the score, in numbers."""
    heads = "".join(f"<th scope='col'>face {capital(d.face)}</th>" for d in drops)
    rows = ""
    for i, region in enumerate(drops[0].regions):
        cells = "".join(f"<td>{float(d.drop[i]):+.3f}</td>" for d in drops)
        rows += f"<tr><th scope='row'>{escape(region)}</th>{cells}</tr>"
    return (
        "<table class='ks-table'><caption>Score lost when a region is covered "
        f"(of {drops[0].baseline:.3f})</caption>"
        f"<thead><tr><th scope='col'>region</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def verdict(curves: Sequence[Curve]) -> str:
    """Can the map be trusted? In words, a line a face."""
    lines = "".join(f"<li><b>Face {capital(c.face)}:</b> {reading(c)}.</li>" for c in curves)
    return (
        "<div class='ks-verdict'><b>Can this map be trusted?</b> Two tests, deletion and insertion of pixels:"
        f"<ul class='ks-readings'>{lines}</ul></div>"
    )


def curve_table(curves: Sequence[Curve]) -> str:
    """Areas under the curves beside those of random orders."""
    rows = ""
    for c in curves:
        areas = (c.deletion_auc, c.random_deletion_auc, c.insertion_auc, c.random_insertion_auc)
        cells = "".join(f"<td>{area:.3f}</td>" for area in areas)
        rows += f"<tr><th scope='row'>face {capital(c.face)}</th>{cells}</tr>"
    heads = ("map", "deletion ↓", "random", "insertion ↑", "random")
    head = "".join(f"<th scope='col'>{h}</th>" for h in heads)
    return (
        "<div class='ks-scroll'><table class='ks-table'><caption>Areas under the curves, of a score from 0 to 1; "
        f"a faithful map has little under deletion and much under insertion</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def reading(curve: Curve) -> str:
    """Words for the areas."""
    areas = curve.deletion_auc, curve.random_deletion_auc, curve.insertion_auc, curve.random_insertion_auc
    deletion, insertion = noticeably_better(*areas)
    if deletion and insertion:
        return "better than random places on both"
    if not deletion and not insertion:
        return "no better than random places: do not trust this map"
    return f"better than random places on {'deletion' if deletion else 'insertion'} only"
