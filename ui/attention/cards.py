"""Pieces of the Attention tab as HTML: pure functions from values to markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from PIL import Image

from explain import EXPLAINERS, Curve, Heatmap
from explain.attention import render as render_gates
from explain.attention.compare import MIRROR, NOTHING, Arm, Comparison, Scene, difference, shown
from explain.attention.gates import channel_of, spatial_of
from explain.core import render
from models.tasks import TASKS
from models.weights import Sidecar
from ui.shared.cards import CROP_SIDE, capital, colour_scale, figure, message, percent, reading
from ui.shared.doubts import NONE, Doubts

NO_SPATIAL = "No arm has a spatial gate here."
SMALLEST_SPAN = 1e-3
"""A scale of gates is never shorter: rounding is not drawn as a pattern."""


def answer_card(compared: Comparison, sidecars: Mapping[str, Sidecar], doubts: Doubts = NONE) -> str:
    """The answer first: how many arms take the explained pair for one person, then every score and cosine."""
    firsts = [arm.answers[0].score >= sidecars[arm.weight].rule.threshold for arm in compared.arms]
    a, b = (escape(t) for t in compared.titles)
    pairs = [said.pair for said in compared.arms[0].answers]
    heads = "".join(f"<th scope='col'>{escape(pair)}</th>" for pair in pairs)
    rows = "".join(_answer_row(arm, sidecars[arm.weight]) for arm in compared.arms)
    return (
        f"<section class='ks-answer' role='status'><div class='ks-head'>{doubts.big(f'{sum(firsts)} of {len(firsts)}')}"
        f"<div>{doubts.decision('networks say: the same person')}"
        f"<div class='ks-sub'>about {a} and {b}; each by its own threshold</div></div></div>{doubts.listed}"
        f"{_no_test(compared)}"
        f"<div class='ks-scroll ks-gap'><table class='ks-table ks-arms'><thead><tr><th scope='col'>network</th>{heads}"
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
        "<p class='ks-caption'>Calibrated probability of one person, with the decision; below it the cosine of the two "
        "embeddings, which each network has on a scale of its own: compare the probabilities.</p></section>"
    )


def _no_test(compared: Comparison) -> str:
    """One bare photo is compared with its own mirror image: said, since every network takes that for one person."""
    if compared.titles[1] != MIRROR:
        return ""
    return (
        "<p class='ks-caption'><b>This is no test of recognition:</b> nothing is worn and there is no photo 2, so the "
        "photo is compared with its own mirror image. Add photo 2, or let photo 1 wear something.</p>"
    )


def _answer_row(arm: Arm, row: Sidecar) -> str:
    cells = ""
    for said in arm.answers:
        pair = escape(said.pair)  # on a phone in place of the column's head
        word = TASKS[row.task].decision(said.score >= row.rule.threshold)
        cells += (
            f"<td data-pair='{pair}' data-similarity='{said.similarity!r}'><b>{percent(said.score)}</b>"
            f"<small>{escape(word)}</small><small>cosine {said.similarity:+.3f}</small></td>"
        )
    threshold = f"<small>{escape(row.name)}, threshold {percent(row.rule.threshold)}</small>"
    return f"<tr><th scope='row'>{escape(arm.title)}{threshold}</th>{cells}</tr>"


def scene_note(scene: Scene) -> str:
    """What photo 1 wears, under the picker."""
    if scene.occluder == NOTHING:
        return message("Photo 1 stays as it is.")
    return message(
        f"Photo 1 wears {scene.wears}, make no. {scene.seed + 1}, drawn from its keypoints: no picture of a real one."
    )


def maps_view(compared: Comparison, opacity: float, *, by_mean: bool) -> str:
    """A column an arm, a row a face; the arms' maps of a face share one scale, shown with its numbers."""
    maps, cells = shown(compared.heatmaps(), by_mean=by_mean), ""
    for row, (title, crop) in enumerate(zip(compared.titles, compared.crops, strict=True)):
        limit = render.shared_limit(maps[row::2])
        cells += f"<h3>{escape(title[0].upper() + title[1:])}</h3><div class='ks-grid3'>"
        for arm, heatmap in zip(compared.arms, maps[row::2], strict=True):
            cells += _map(crop, heatmap, f"{arm.title}, face {capital(row)}", arm.title, opacity, limit)
        cells += f"</div>{bar(maps[row], limit)}"
    return f"<div class='ks-maps'>{cells}{_maps_caption(compared, by_mean)}</div>"


def _map(crop: np.ndarray, heatmap: Heatmap, alt: str, title: str, opacity: float, limit: float) -> str:
    low, high = float(heatmap.values.min()), float(heatmap.values.max())
    over = render.overlay(enlarged(crop), heatmap, opacity=opacity, limit=limit)
    return figure(over, f"map of {alt}, values from {low:.3g} to {high:.3g}", f"{title}: {low:.2g} to {high:.2g}")


def enlarged(crop: np.ndarray) -> np.ndarray:
    """(CROP_SIDE, CROP_SIDE, 3) uint8."""
    return np.asarray(Image.fromarray(crop).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BICUBIC))


def bar(heatmap: Heatmap, limit: float) -> str:
    """The colour scale of a map, with its numbers."""
    return colour_scale(limit, signed=heatmap.signed, unit=heatmap.unit)


def _maps_caption(compared: Comparison, by_mean: bool) -> str:
    row, first = EXPLAINERS[compared.method], compared.arms[0].maps[0]
    a, b = compared.titles
    what = f"It explains the cosine of {a} and {b}" if row.targets else "It looks at no answer"
    scale = "each map in multiples of its own mean" if by_mean else "raw values"
    return (
        f"<p class='ks-caption'><b>{escape(row.title)}.</b> {escape(what)}: {scale}, the three maps of a photo on "
        f"one colour scale; the numbers below them compare the photos. "
        f"{escape(first.caption)}</p>"
    )


def difference_view(compared: Comparison, left: Arm, right: Arm, face: int, opacity: float, *, by_mean: bool) -> str:
    """Right minus left over the crop; every pair of arms would have the same scale."""
    pairs = [(x, y) for x in compared.arms for y in compared.arms if x is not y]
    every = [difference(*shown((x.maps[face], y.maps[face]), by_mean=by_mean)) for x, y in pairs]
    limit = render.shared_limit(every)
    apart = difference(*shown((left.maps[face], right.maps[face]), by_mean=by_mean))
    over = render.overlay(enlarged(compared.crops[face]), apart, opacity=opacity, limit=limit)
    title = f"{right.title} minus {left.title}"
    return (
        f"<div class='ks-maps ks-apart'>{figure(over, f'difference map, {title}', f'{title}: {_range(apart)}')}"
        f"{bar(apart, limit)}<p class='ks-caption'>Red: {escape(right.title)} has more there; blue: "
        f"{escape(left.title)} has more. {escape(apart.caption)}</p></div>"
    )


def _range(heatmap: Heatmap) -> str:
    return f"{float(heatmap.values.min()):+.2g} to {float(heatmap.values.max()):+.2g}"


def gates_view(compared: Comparison, face: int, opacity: float, *, own: bool = False) -> str:
    """The spatial gates of every block over the crop, one scale for all.

    Args:
        own: the scale goes from the lowest to the highest value that is there, else from 0 to 1.
    """
    cells = ""
    span = gate_span(compared, face, own=own)
    for arm in compared.arms:
        for name, spatial in spatial_of(arm.gates[face]).items():
            drawn = render_gates.gate_picture(compared.crops[face], spatial, opacity=opacity, span=span)
            height, width = spatial.shape
            values = f"{spatial.min():.2f} to {spatial.max():.2f}"
            stage = _stage(name)
            caption = f"{stage}, {height} × {width}: {values}"
            cells += figure(drawn, f"spatial gate of {arm.title}, {stage}, values from {values}", caption)
    if not cells:
        return message(NO_SPATIAL)
    low, high = span
    scale = colour_scale(high, signed=False, unit="spatial gate", low=low)
    told = "stretched to the values that are there: small differences look large" if own else "from 0 to 1"
    return (
        f"<div class='ks-maps'><div class='ks-grid4'>{cells}</div>{scale}<p class='ks-caption'>"
        "<b>Spatial gates of CBAM.</b> What the features of each place were multiplied with in this very pass, all on "
        f"one scale, {told}. A gate says what was let through, not what became of it.</p></div>"
    )


def flat_gates(compared: Comparison, face: int) -> str:
    """Which channel gates have one value for all channels, in a line; empty where none has."""
    flat = [
        f"{arm.title}, {_stage(name)}"
        for arm in compared.arms
        for name, channel in channel_of(arm.gates[face]).items()
        if channel.min() == channel.max()
    ]
    told = f"One value for all channels, so that none is weighed against another: {escape('; '.join(flat))}."
    return f"<p class='ks-caption'>{told}</p>" if flat else ""


def _stage(block: str) -> str:
    """ "stage1.block0" -> "stage 1, block 0"."""
    return block.replace("stage", "stage ").replace(".block", ", block ")


def gate_span(compared: Comparison, face: int, *, own: bool) -> tuple[float, float]:
    """(low, high) of the scale of all spatial gates: 0 to 1, or the values that are there."""
    values = [spatial for arm in compared.arms for spatial in spatial_of(arm.gates[face]).values()]
    if not own or not values:
        return 0.0, render_gates.LIMIT
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    return low, max(high, low + SMALLEST_SPAN)


def mass_table(compared: Comparison) -> str:
    """Shares of every map by region, of both faces, beside those of a flat map."""
    regions = compared.arms[0].mass[0].regions
    heads = "".join(f"<th scope='col'>{escape(r)}</th>" for r in regions)
    body = ""
    for i, title in enumerate(compared.titles):
        rows = [(arm.title, arm.mass[i].share) for arm in compared.arms]
        rows.append(("a flat map", compared.arms[0].mass[i].area))
        body += f"<tr><th scope='rowgroup' colspan='{len(regions) + 1}' class='ks-group'>{escape(title)}</th></tr>"
        for name, values in rows:
            cells = "".join(f"<td>{100 * float(v):.1f}</td>" for v in values)
            body += f"<tr><th scope='row'>{escape(name)}</th>{cells}</tr>"
    return (
        "<p class='ks-caption'>Share of each map in a region, %. Eyes, mask area (the lower face), forehead and "
        "background add up to 100; nose and mouth lie in the mask area.</p>"
        "<div class='ks-scroll'><table class='ks-table' aria-label='share of each map by region'>"
        f"<thead><tr><th scope='col'>network</th>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


UNTESTED = "Not tested yet whether each map beats a random order: the part below does it, in some seconds."


def verdict(compared: Comparison, curves: Sequence[Curve]) -> str:
    """Can the maps be trusted? In words, a line a network."""
    lines = zip(compared.arms, curves, strict=True)
    readings = "".join(f"<li><b>{escape(arm.title)}:</b> {reading(c)}.</li>" for arm, c in lines)
    return f"<div class='ks-verdict'><b>Can these maps be trusted?</b><ul class='ks-readings'>{readings}</ul></div>"


def trust_table(compared: Comparison, curves: Sequence[Curve]) -> str:
    """Areas under the deletion and insertion curves of every arm's first map, beside random orders."""
    rows = ""
    for arm, c in zip(compared.arms, curves, strict=True):
        areas = (c.deletion_auc, c.random_deletion_auc, c.insertion_auc, c.random_insertion_auc)
        cells = "".join(f"<td>{area:+.3f}</td>" for area in areas)
        rows += f"<tr><th scope='row'>{escape(arm.title)}</th>{cells}</tr>"
    head = "".join(f"<th scope='col'>{h}</th>" for h in ("network", "deletion ↓", "random", "insertion ↑", "random"))
    return (
        "<div class='ks-scroll'><table class='ks-table'><caption>Areas under the curves of the cosine while pixels of "
        f"{escape(compared.titles[0])} are taken away or put back in the map's order (fill: {escape(curves[0].fill)})"
        f"</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
