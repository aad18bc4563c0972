"""Pieces of the tab Expression as HTML: pure functions from what was found to markup."""

from __future__ import annotations

from html import escape

import numpy as np
from PIL import Image

from explain import EXPLAINERS, Curve
from explain.core import render
from explain.core.parts import PartValues
from explain.core.words import capital, flip_sentence, part_sentences
from explain.expression.cover import cover_words
from explain.expression.live import Frame
from explain.expression.regions import APART, RegionShares, number_words, region_sentences
from explain.expression.said import Said, change_sentence, sentence, split_words
from models.expressions import EXPRESSIONS
from ui.expression.answers import Looked, Mapped
from ui.shared.cards import CROP_SIDE, colour_scale, figure, percent, picture, reading
from ui.shared.doubts import NONE, Doubts, of

NOTICE = (
    "<div class='ks-notice' role='note'><strong>A shown expression is not a felt emotion.</strong> The network guesses "
    "what ten people would call this picture of a face, nothing more: not for decisions about people. It was trained "
    "on grey faces of 48 pixels; contempt and disgust are rare in those data, so make no claim on them alone. Photos "
    "and camera frames stay on the machine that runs this app.</div>"
)
LEGEND = (
    "<div class='ks-legend'><span><i class='ks-was'></i>as it is</span><span><i class='ks-is'></i>covered</span></div>"
)
FACE_SIDE = 120
"""Side in pixels of the crops beside the bars."""


def answer(looked: Looked, doubts: Doubts = NONE) -> str:
    """The answer first: in a sentence, then the bars, how split the votes are, valence and arousal."""
    said, covered = looked.said, looked.covered
    first, share = said.ranked[0]
    now = covered[0] if covered else None
    marked = f" data-covered='{escape(' '.join(looked.covers))}' data-now='{now.by_name[first]!r}'" if now else ""
    return (
        f"<section class='ks-answer' role='status' data-leading='{first}' data-share='{share!r}'{marked}>"
        f"<div class='ks-head'>{doubts.big(f'{10 * share:.0f} of 10')}<div>"
        f"{doubts.decision(escape(_first_half(said)), 'Answer')}<div class='ks-sub'>{escape(_second_half(said))}"
        f"</div></div></div>{doubts.listed}{_changed(looked)}<div class='ks-xbody'>{bars(said, now)}{_fed(looked)}"
        f"</div>{_numbers(said)}</section>"
    )


def _first_half(said: Said) -> str:
    return sentence(said).partition(". ")[0] + "."


def _second_half(said: Said) -> str:
    return f"{sentence(said).partition('. ')[2]} {capital(split_words(said))}."


def _changed(looked: Looked) -> str:
    if looked.covered is None:
        return ""
    words = change_sentence(looked.said, looked.covered[0], cover_words(looked.covers))
    return f"<p class='ks-known ks-xchange'>{escape(words)}</p>"


def bars(said: Said, now: Said | None = None) -> str:
    """The shares of all classes in votes of ten people, and beside them those with something covered."""
    rows = "".join(_bar(name, share, now.by_name[name] if now else None) for name, share in said.by_name.items())
    legend = LEGEND if now else ""
    return (
        f"<div class='ks-xbars'>{legend}<table class='ks-xtable'><caption>Votes of ten people</caption><tbody>{rows}"
        "</tbody></table></div>"
    )


def _bar(name: str, share: float, now: float | None) -> str:
    first = "ks-xfill" if now is None else "ks-was"
    lines = f"<i class='{first}' style='width:{100 * share:.2f}%'></i>"
    said = f"{10 * share:.1f}"
    attributes = f"data-class='{name}' data-share='{share!r}'"
    if now is not None:
        lines += f"<i class='ks-is' style='width:{100 * now:.2f}%'></i>"
        said += f" <small>→ {10 * now:.1f}</small>"
        attributes += f" data-now='{now!r}'"
    cells = f"<td class='ks-xline'><span>{lines}</span></td><td>{said}</td>"
    return f"<tr {attributes}><th scope='row'>{name}</th>{cells}</tr>"


def _fed(looked: Looked) -> str:
    """The crop, and the crop with something on it."""
    crops = [(looked.crops[looked.chosen], "as it is")]
    if looked.covered:
        crops.append((looked.covered[1], "covered"))
    shown = "".join(figure(_sized(crop, FACE_SIDE), f"the face, {word}", word) for crop, word in crops)
    return f"<div class='ks-xfed ks-maps'>{shown}</div>"


def _numbers(said: Said) -> str:
    first, found = said.leading, said.affect
    left = f"; {percent(found.left_out)} for disgust and contempt has no place there and is left out"
    return (
        "<dl class='ks-facts ks-xfacts'>"
        f"<div><dt>Most people would name it</dt><dd>{percent(said.wins(first))}</dd></div>"
        f"<div><dt>Disagreement, 0 to 1</dt><dd>{said.split:.2f}</dd></div>"
        f"<div><dt>Valence, derived</dt><dd>{found.valence:+.2f}</dd></div>"
        f"<div><dt>Arousal, derived</dt><dd>{found.arousal:+.2f}</dd></div></dl>"
        "<details class='ks-more'><summary>What these figures are</summary>"
        f"<p class='ks-protocol'>“Most people”: probability that more of them name {first} than anything else. "
        "Disagreement: normalised entropy of the shares. Valence and arousal are derived, not learned: the mean place "
        f"of the shares on Russell's circle of affect{left}.</p></details>"
    )


def faces(looked: Looked | None) -> str:
    """A button a face: crop, leading expression, its share; nothing where there is one face only."""
    if looked is None or len(looked.every) < 2:
        return ""
    rows = zip(looked.numbers, looked.every, looked.crops, strict=True)
    items = "".join(_face(number, said, crop, number == looked.key[1]) for number, said, crop in rows)
    return f"<ul class='ks-xfaces' role='toolbar' data-row aria-label='All faces of the photo'>{items}</ul>"


def _face(number: int, said: Said, crop: np.ndarray, chosen: bool) -> str:
    name, share = said.ranked[0]
    told = f"Face {number + 1}: {name}, {percent(share)} of the votes. Explain this face"
    return (
        "<li role='none'><button type='button' class='ks-xface' "
        f"data-face='{number}' data-leading='{name}' data-share='{share!r}' "
        f"aria-pressed='{str(chosen).lower()}' aria-label='{told}'>{picture(crop, '')}<span><b>{number + 1}. {name}</b>"
        f"<span class='ks-gauge'><span class='ks-fill' style='width:{100 * share:.2f}%'></span></span>"
        f"<small>{10 * share:.1f} of ten votes</small></span></button></li>"
    )


def words(found: RegionShares, target: str) -> str:
    """What covering each region does, in a paragraph."""
    return f"<p class='ks-xwords'>{escape(region_sentences(found, target))}</p>"


def map_view(mapped: Mapped, drawn: np.ndarray, opacity: float) -> str:
    """The crop with the map, the photo with the map (at most PHOTO_SIDE pixels a side), scale and caption."""
    heatmap, row = mapped.heatmap, EXPLAINERS[mapped.method]
    limit = render.shared_limit([heatmap])
    large = _sized(mapped.crop, CROP_SIDE)
    over = render.overlay(large, heatmap, opacity=opacity, limit=limit)
    low, high = float(heatmap.values.min()), float(heatmap.values.max())
    bar = colour_scale(limit, signed=heatmap.signed, unit=heatmap.unit)
    target = f"What speaks for {_target_words(mapped.target)}"
    return (
        f"<div class='ks-maps' data-target='{escape(mapped.target)}' data-method='{mapped.method}'>"
        "<div class='ks-grid2'>"
        + figure(over, f"{row.title} map over the face, values from {low:.3g} to {high:.3g}", f"{target}: the map")
        + figure(drawn, "the map over the photo", "The same, warped back onto the photo")
        + f"</div>{bar}<p class='ks-caption'><b>{escape(row.title)}.</b> "
        f"{escape(heatmap.caption)} It reads {escape(row.reads)}, of the face as it is, nothing covered.</p></div>"
    )


def _target_words(target: str) -> str:
    first, _, second = target.partition(APART)
    return f"{first} and not for {second}" if second else first


def verdict(curve: Curve) -> str:
    """Can the map be trusted? In words."""
    watched = number_words(curve.unit[2:-1])
    return (
        f"<div class='ks-verdict' data-unit='{escape(curve.unit)}'><b>Can this map be trusted?</b> "
        f"{capital(reading(curve))}. Watched: the {escape(watched)}, while places were taken away and put "
        "back in the map's order.</div>"
    )


def curve_areas(curve: Curve) -> str:
    """Areas under the curves beside those of random orders, of a number from 0 to 1."""
    c = curve
    values = (c.deletion_auc, c.random_deletion_auc, c.insertion_auc, c.random_insertion_auc)
    heads = ("deletion ↓", "random", "insertion ↑", "random")
    head = "".join(f"<th scope='col'>{h}</th>" for h in heads)
    cells = "".join(f"<td>{value:.3f}</td>" for value in values)
    return (
        "<div class='ks-scroll'><table class='ks-table'><caption>Areas under the curves; a faithful map has little "
        f"under deletion and much under insertion</caption><thead><tr>{head}</tr></thead><tbody><tr>{cells}</tr>"
        "</tbody></table></div>"
    )


def region_table(found: RegionShares) -> str:
    """Votes of ten for every class, with one region after another covered."""
    head = "".join(f"<th scope='col'>{name}</th>" for name in EXPRESSIONS)
    rows = [("nothing", found.whole), *zip(found.regions, found.shares, strict=True)]
    body = "".join(
        f"<tr><th scope='row'>{region}</th>{''.join(f'<td>{10 * float(v):.1f}</td>' for v in row)}</tr>"
        for region, row in rows
    )
    return (
        "<div class='ks-scroll ks-xwide'><table class='ks-table'><caption>Votes of ten with a region covered (fill: "
        f"{found.fill})</caption><thead><tr><th scope='col'>covered</th>{head}</tr></thead><tbody>{body}</tbody>"
        "</table></div>"
    )


def parts(found: PartValues) -> str:
    """What each part carries, exactly, in words."""
    said = f"{part_sentences(found, 'the face')} {flip_sentence(found)}"
    return f"<p class='ks-xwords'>{escape(said)}</p>"


def live(frame: Frame, per_second: float) -> str:
    """One frame: the picture with the map, the bars, and the pace."""
    shown = picture(frame.picture, "the camera's frame with the map over the face")
    pace = f"{per_second:.1f} frames a second" if per_second else ""
    if frame.said is None:
        said = "<p class='ks-xnow'>No face in sight.</p>"
        return f"<div class='ks-xlive' data-leading=''><div>{shown}<small>{pace}</small></div><div>{said}</div></div>"
    name, share = frame.said.ranked[0]
    doubts = of(("the frame", frame.quality)) if frame.quality else NONE
    told = f"<b>{capital(name)}</b>" if not doubts.spoilt else f"Withheld ({escape(', '.join(doubts.spoilt))}): {name}"
    return (
        f"<div class='ks-xlive' data-leading='{name}' data-target='{frame.target}' data-pace='{per_second:.2f}'>"
        f"<div>{shown}<small>Map: {frame.target}. {pace}</small></div><div><p class='ks-xnow'>{told}, "
        f"{10 * share:.0f} of 10: {escape(split_words(frame.said))}</p>{doubts.listed}{bars(frame.said)}"
        "</div></div>"
    )


def _sized(crop: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.BICUBIC))
