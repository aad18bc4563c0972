"""Pieces of the page of parents and child as HTML: pure functions from values to markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from explain import EXPLAINERS, Curve
from explain.core import render
from explain.core.findings import Heatmap
from ui.kinship.tri_answers import PairMaps, Share, TriAnswer, TriMaps, TriVerdict
from ui.shared.cards import CROP_SIDE, colour_scale, figure, gauge, percent, reading
from ui.shared.doubts import NONE, Doubts

UNCALIBRATED = (
    "<b>Not calibrated for triplets:</b> the score is the mean of both pairs' log-odds, no probability; the threshold "
    "starts at the one of single pairs, and what it costs on triplets has not been measured."
)
ROWS = ("father", "child beside the father", "mother", "child beside the mother")


def answer_card(given: TriAnswer, verdict: TriVerdict, threshold: float, doubts: Doubts = NONE) -> str:
    """The answer first: score, decision in words, both pairs, and what the threshold costs."""
    side = "at or above" if verdict.above else "below"
    what = "calibrated probability that the child is theirs" if given.calibrated else "mean of both pairs' log-odds"
    return (
        f"<section class='ks-answer' role='status' data-score='{given.score!r}'>"
        f"<div class='ks-head'>{doubts.big(percent(given.score))}<div>"
        f"{doubts.decision(f'Decision: {escape(verdict.decision)}')}"
        f"<div class='ks-sub'>{what}; {side} the threshold of {percent(threshold)}</div></div></div>"
        f"{gauge(given.score, threshold)}{doubts.listed}{_facts(given)}{_cost(verdict, threshold)}</section>"
    )


def _facts(given: TriAnswer) -> str:
    rows = (
        ("Father and child", percent(given.father.pair.score)),
        ("Mother and child", percent(given.mother.pair.score)),
        ("Weight", given.weight),
    )
    return "<dl class='ks-facts'>" + "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in rows) + "</dl>"


def _cost(verdict: TriVerdict, threshold: float) -> str:
    if verdict.far is None or verdict.tar is None:
        return f"<div class='ks-cost'><p>{UNCALIBRATED}</p></div>"
    return (
        f"<div class='ks-cost'><p>What the threshold {percent(threshold)} costs, as measured on triplets:</p><ul>"
        f"<li><b>FAR {percent(verdict.far)}</b>: of parents with a child that is not theirs, this share would "
        "be called a family</li>"
        f"<li><b>TAR {percent(verdict.tar)}</b>: of true triplets, this share would be found</li></ul>"
        f"<p class='ks-protocol'>Measured on: {escape(verdict.protocol)}</p></div>"
    )


def shares(given: TriAnswer) -> str:
    """What each pair adds to the log-odds: an exact sum, drawn to one scale around zero."""
    parts = [("father and child", given.father.added), ("mother and child", given.mother.added)]
    parts += [("calibration's offset", given.offset)] if given.calibrated else []
    limit = max(abs(v) for _, v in [*parts, ("", given.log_odds)]) or 1.0
    rows = "".join(_share_row(name, value, limit) for name, value in parts)
    total = _share_row("together", given.log_odds, limit)
    return (
        "<table class='ks-table ks-shares'><caption>Log-odds that each pair adds: right of the line for the child "
        "being theirs, left of it against. The rows add up exactly.</caption>"
        f"<tbody>{rows}</tbody><tfoot>{total}</tfoot></table>"
        f"<p class='ks-caption'>{_who(given.father, given.mother)}</p>"
    )


def _share_row(name: str, value: float, limit: float) -> str:
    width, side = 50 * abs(value) / limit, "left:50%" if value >= 0 else "right:50%"
    kind = "ks-for" if value >= 0 else "ks-against"
    return (
        f"<tr><th scope='row'>{name}</th><td class='ks-bar-cell'><span class='ks-signed'>"
        f"<span class='{kind}' style='{side};width:{width:.1f}%'></span></span></td><td>{value:+.3f}</td></tr>"
    )


def _who(father: Share, mother: Share) -> str:
    """In words who carries the answer."""
    if (father.log_odds >= 0) != (mother.log_odds >= 0):
        pro, con = ("father", "mother") if father.log_odds >= 0 else ("mother", "father")
        return f"The {pro}'s pair speaks for it, the {con}'s against."
    words = "for it" if father.log_odds >= 0 else "against it"
    low, high = sorted((abs(father.added), abs(mother.added)))
    if high == 0 or low / high > 0.8:
        return f"Both pairs speak {words}, about equally."
    more = "father" if abs(father.added) > abs(mother.added) else "mother"
    return f"Both pairs speak {words}, the {more}'s more."


def maps_view(maps: TriMaps, opacity: float) -> str:
    """Both pairs, each as parent and child with their maps, all four maps on one scale with its numbers."""
    row, limit = EXPLAINERS[maps.method], render.shared_limit(maps.heatmaps)
    first = maps.father.parent
    bar = colour_scale(limit, signed=first.signed, unit=first.unit)
    pairs = "".join(
        _pair(name, pair, opacity, limit) for name, pair in (("father", maps.father), ("mother", maps.mother))
    )
    return (
        f"<div class='ks-maps'>{pairs}{bar}"
        f"<p class='ks-caption'><b>{escape(row.title)}.</b> {escape(first.caption)} It reads {escape(row.reads)}. "
        "Each pair is explained by its own answer; all four maps share one colour scale.</p></div>"
    )


def _pair(name: str, pair: PairMaps, opacity: float, limit: float) -> str:
    faces = ((name.capitalize(), pair.parent_crop, pair.parent), ("Child", pair.child_crop, pair.child))
    drawn = "".join(_face(who, name, crop, heatmap, opacity, limit) for who, crop, heatmap in faces)
    return f"<h3>{name.capitalize()} and child</h3><div class='ks-grid4'>{drawn}</div>"


def _face(who: str, parent: str, crop: np.ndarray, heatmap: Heatmap, opacity: float, limit: float) -> str:
    large = np.asarray(Image.fromarray(crop).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BICUBIC))
    low, high = float(heatmap.values.min()), float(heatmap.values.max())
    over = render.overlay(large, heatmap, opacity=opacity, limit=limit)
    return figure(large, f"{who}: the crop the model saw", f"{who}: the crop the model saw") + figure(
        over,
        f"map over the {who.lower()}, pair of {parent} and child, values from {low:.3g} to {high:.3g}",
        f"{who}: map, {low:.2g} to {high:.2g}",
    )


def curve_table(curves: Sequence[Curve]) -> str:
    """Areas under the curves of the four maps beside those of random orders, and what they say."""
    rows = ""
    said: dict[str, list[str]] = {}
    for name, c in zip(ROWS, curves, strict=True):
        areas = (c.deletion_auc, c.random_deletion_auc, c.insertion_auc, c.random_insertion_auc)
        cells = "".join(f"<td>{area:.3f}</td>" for area in areas)
        rows += f"<tr><th scope='row'>{name}</th>{cells}</tr>"
        said.setdefault(reading(c), []).append(name)
    readings = "".join(f"<li><b>{_whose(names)}:</b> {words}.</li>" for words, names in said.items())
    head = "".join(f"<th scope='col'>{h}</th>" for h in ("map of", "deletion ↓", "random", "insertion ↑", "random"))
    return (
        f"<div class='ks-verdict'><b>Can the maps be trusted?</b><ul class='ks-readings'>{readings}</ul></div>"
        "<details class='ks-more'><summary>How they were tested</summary><div class='ks-scroll'>"
        "<table class='ks-table'><caption>Areas under the curves of each pair's own score, from 0 to 1; a faithful map "
        f"has little under deletion and much under insertion</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _whose(names: Sequence[str]) -> str:
    """The maps of which the same is said."""
    return "All four" if len(names) == len(ROWS) else ", ".join(names).capitalize()
