"""Pieces of the tab Keypoints as HTML: pure functions from what was found to markup."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from explain.keypoints.find import CAPTION, shared_limit
from explain.keypoints.render import AXES, LINES, field_picture, shown_value
from models.faces.affine import Move
from ui.keypoints.answers import IRPE, KPRPE, MODELS, OFFSET_MODELS, PatchQuery, View, fields
from ui.shared.answering import weight_of
from ui.shared.cards import colour_scale, figure
from ui.shared.doubts import NONE, Doubts
from ui.shared.evidence_cards import layer_title

Patch = tuple[int, int]
NOTICEABLE = 0.01
"""A similarity nearer to 1 than this is called hardly changed."""
CLEAR = 0.05
"""A lead smaller than this, on one photo, is not called one."""


def answer(look: PatchQuery, doubts: Doubts = NONE) -> str:
    """Similarity of the moved face to its aligned self, for each network."""
    similarity = look.similarity
    rows = ""
    for key, value in similarity.items():
        label, colour, _ = LINES[key]
        width = 100 * max(0.0, value)
        rows += (
            f"<tr data-model='{escape(key)}' data-similarity='{value!r}'><th scope='row'>{escape(label)}</th>"
            f"<td class='ks-bar-cell'><span class='ks-signed' style='background:var(--background-fill-secondary)'>"
            f"<span style='left:0;width:{width:.1f}%;"
            f"background:{colour}'></span></span></td><td>{value:.3f}</td></tr>"
        )
    told, weights = moved_words(look.setting.move), ", ".join(weight_of(m) or m for m in MODELS)
    return (
        f"<section class='ks-answer' role='status'>{doubts.decision(escape(verdict(look)), 'Comparison')}"
        f"<div class='ks-sub'>{escape(told)}{_edited(look)}</div>{doubts.listed}"
        "<table class='ks-table ks-shares'><caption>Similarity "
        f"(cosine) of the moved face to the aligned one: 1 is unchanged</caption><tbody>{rows}</tbody></table>"
        "<p class='ks-protocol'>It tells how stable each embedding is, not how well the network tells people apart: "
        f"for that see the measured accuracies in the tab Models. Weights: {escape(weights)}.</p></section>"
    )


def verdict(look: PatchQuery) -> str:
    """The answer in words: what was done to the face, and whether one network is ahead by CLEAR."""
    similarity, setting = look.similarity, look.setting
    if setting.move == Move():
        if setting.keypoints is None:
            return "Nothing is moved: all three networks are fed the aligned face."
        if not setting.off:
            return f"Only KP-RPE is given keypoints, so only its embedding can change: {similarity[KPRPE]:.3f}."
        return "Offsets are off, so no network uses the keypoints: nothing changes."
    return lead(similarity)


def lead(similarity: Mapping[str, float]) -> str:
    """Who stays closest to the aligned face, in words; nobody where the two closest are less than CLEAR apart."""
    names = sorted(similarity, key=lambda m: -similarity[m])
    told = [f"{LINES[m][0]} {similarity[m]:.3f}" for m in names]
    if similarity[names[-1]] > 1 - NOTICEABLE:
        return f"No embedding changes much: the lowest is {told[-1]}."
    if similarity[names[0]] - similarity[names[1]] >= CLEAR:
        return f"Closest to its aligned self on this photo: {told[0]}, before {told[1]}."
    return f"No network is clearly ahead on this photo: {', '.join(told)}."


def moved_words(move: Move) -> str:
    """What the sliders do to the face, in words."""
    told = [
        f"{name} {shown_value(key, getattr(move, key)):+.3g} {unit}"
        for key, (name, unit) in AXES.items()
        if key != "scale" and getattr(move, key)
    ]
    told += [f"scale × {move.scale:.3g}"] if move.scale != 1 else []
    return f"The crop: {', '.join(told)}." if told else "The crop is aligned: nothing is moved."


def _edited(look: PatchQuery) -> str:
    return " Keypoints are not where they were detected." if look.setting.keypoints is not None else ""


def offsets_note(view: View, heads: int, limit: float) -> str:
    """The scale of both fields, and what they are."""
    who = f"the mean of {heads} heads" if view.head is None else f"head {view.head + 1} of {heads}"
    scale = colour_scale(limit, signed=True, unit="offset, added to the attention logit")
    return (
        f"{scale}<p class='ks-caption'><b>{layer_title(view.bias)}, "
        f"{who}.</b> {CAPTION} KP-RPE's offsets follow the keypoints; iRPE's follow what the framed patch holds.</p>"
    )


def off_note() -> str:
    """What stands there when offsets are left out."""
    return (
        "<p class='ks-caption'><b>Offsets are off.</b> Nothing is added to the attention logits: KP-RPE and iRPE "
        "answer with their other weights alone, which were trained together with the offsets.</p>"
    )


def difference(look: PatchQuery, view: View, patch: Patch, opacity: float) -> str:
    """What moving has changed in the offsets of the query, in one scale for both networks."""
    both = {m: fields(look.followed[m], view, patch)[1] for m in OFFSET_MODELS}
    limit = shared_limit(list(both.values()))
    shown = "".join(_field(look, m, field, patch, opacity, limit, "change") for m, field in both.items())
    scale = colour_scale(limit, signed=True, unit="change of the offset")
    return (
        f"<div class='ks-maps'><div class='ks-grid2'>{shown}</div>"
        f"{scale}<p class='ks-caption'>Offsets of the same patch now, less those of the "
        "aligned face with its detected keypoints. White is no change: a network whose offsets do not notice the move "
        "stays white.</p></div>"
    )


def attention(look: PatchQuery, view: View, patch: Patch, opacity: float) -> str:
    """Where the query reads once the offsets are in, in one scale for both networks."""
    both = {m: _reading(look, m, view, patch) for m in OFFSET_MODELS}
    limit = max(float(v.max()) for v in both.values())
    shown = "".join(_field(look, m, row, patch, opacity, limit, "attention", signed=False) for m, row in both.items())
    even = 1 / both[KPRPE].size
    scale = colour_scale(limit, signed=False, unit="attention")
    return (
        f"<div class='ks-maps'><div class='ks-grid2'>{shown}</div>"
        f"{scale}<p class='ks-caption'>The weights with which the framed patch read "
        f"in this pass; they add up to 1, an even look would be {even:.3f} everywhere. They show where values were "
        "read, not whether that helped the answer.</p></div>"
    )


def _reading(look: PatchQuery, model: str, view: View, patch: Patch) -> np.ndarray:
    """(h, w) attention of the query on the moved face."""
    rows = look.followed[model].attention[view.attn].from_query(*patch)
    return rows.mean(0) if view.head is None else np.ascontiguousarray(rows[view.head])


def _field(
    look: PatchQuery,
    model: str,
    values: np.ndarray,
    patch: Patch,
    opacity: float,
    limit: float,
    what: str,
    *,
    signed: bool = True,
) -> str:
    drawn = field_picture(look.crop, values, patch, look.keypoints, opacity=opacity, limit=limit, signed=signed)
    name, low, high = LINES[model][0], float(values.min()), float(values.max())
    return figure(
        drawn, f"{name}: {what} of the framed patch, {low:.3g} to {high:.3g}", f"{name}: {low:.2g} to {high:.2g}"
    )


LEGEND = (
    "<p class='ks-caption'>What all three networks are fed, with the keypoints given to KP-RPE: L and R eyes, N nose, "
    "l and r mouth corners. Click one to pick it, then click where it should go; the pixels stay, so only KP-RPE can "
    "notice.</p>"
)
CURVES = (
    "<p class='ks-caption'>Each curve changes one thing and leaves the rest aligned, with detected keypoints that move "
    "with the face. The vertical line is the present setting and the diamonds are the similarity now, with all changes "
    "together. They are of this one photo: how often faces are still recognised is measured on LFW.</p>"
)
NAMES = {KPRPE: LINES[KPRPE][0], IRPE: LINES[IRPE][0]}
