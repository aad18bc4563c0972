"""Two photos, the second one partial: the networks behind the tab Partial face, without any of the page.

Networks run in `look`, `curve` and `order`, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from explain.partial.edit import Canvas, Edit
from explain.partial.find import ATTENTION, NETWORKS, Asked, PartialLook, look_partial
from explain.partial.loss import AreaCurve, Losses, after, area_curve, losses
from models.evaluations import value_at
from models.faces.partial_crops import SIDE
from models.pair import PairModel
from models.weights import Sidecar
from ui.shared.answering import network, sidecar, weight_of
from ui.shared.photos import Key, Shot

NEEDS = NETWORKS[:2]
"""The models this tab cannot do without."""
ZOOM = 3
"""Pixels of the editor's canvas per pixel of the aligned face."""
EDITOR_SIDE = ZOOM * SIDE
UNMOVED = 0.1
"""A rank correlation below this is told as no move."""


def names() -> tuple[str, ...]:
    """The models that answer: NEEDS, and the reference encoder where it has a weight."""
    return tuple(name for name in NETWORKS if name in NEEDS or weight_of(name))


def networks() -> dict[str, PairModel]:
    """Model -> network.

    Raises:
        WeightError: a weight is missing or damaged.
    """
    return {name: network(weight_of(name) or name) for name in names()}


def sidecars() -> dict[str, Sidecar]:
    """Model -> what is known of its weight. Raises as networks."""
    return {name: sidecar(weight_of(name) or name) for name in names()}


def followed() -> str:
    """How importances follow what is visible, as measured: a sentence with a space before it, or empty."""
    found = value_at(sidecars()[ATTENTION].metrics, ("partial_lfw", "maps"))
    covered, cut = (value_at(found or {}, (how, "within_face")) for how in ("occluded", "cropped"))
    if covered is None or cut is None:
        return ""
    return (
        f" Over {found['faces']:,} faces, the importance of a part whose place is hidden {moves(covered)} when "
        f"something covers the face, and {moves(cut)} when the face is cut to one part (mean rank correlation, within "
        f"a face, with how much of the place stays visible: {covered:+.2f} and {cut:+.2f})."
    )


def moves(correlation: float) -> str:
    """What an importance does when its place is hidden, from its rank correlation with what stays visible."""
    if abs(correlation) < UNMOVED:
        return "hardly moves"
    return "falls" if correlation > 0 else "rises"


def thresholds() -> dict[str, float]:
    """Model -> its own threshold. Raises as networks."""
    return {name: row.rule.threshold for name, row in sidecars().items()}


@dataclass(frozen=True, eq=False)
class Held:
    """What was found about a pair and does not change with the edit.

    Attributes:
        pair: Shot.key of both photos it is about.
        canvases: of both faces, aligned for every network: 1 MB.
        whole: what the networks said of the whole faces.
        order: model -> the order in which parts can go; empty until it is asked for.
        stages: model -> (160, 160, 3) uint8 after each step of that order.
        curve: of the part that was looked at last; None until it is asked for.
    """

    pair: tuple[Key, Key]
    canvases: tuple[Canvas, Canvas]
    whole: Asked
    order: dict[str, Losses]
    stages: dict[str, list[np.ndarray]]
    curve: AreaCurve | None = None

    def of(self, look: PartialLook) -> bool:
        """Is the look one of this very pair?"""
        return look.whole is self.whole


def look(first: Shot, second: Shot, edit: Edit, held: Held | None = None) -> tuple[PartialLook, Held]:
    """Ask the networks about photo 1 and what the edit leaves of photo 2.

    Args:
        held: when it is of this pair, the whole face is not asked again.

    Raises:
        PhotoError: a photo is no longer there.  WeightError: as networks.
        ValueError: nothing is left of the face, or its keypoints give no alignment.
    """
    nets, pair = networks(), (first.key, second.key)
    held = held if held and held.pair == pair else None
    frames = {net.spec for net in nets.values()}
    a, b = held.canvases if held else (Canvas.of(shot.face(), frames) for shot in (first, second))
    found = look_partial(nets, thresholds(), a, b, edit, held.whole if held else None)
    return found, held or Held(pair, (a, b), found.whole, {}, {})


def curve(part: str, centred: bool, held: Held) -> Held:
    """`held` with the curve of a part, computed when it is not the one that is held. Raises as networks."""
    known = held.curve
    if known is not None and (known.part, known.centred) == (part, centred):
        return held
    return replace(held, curve=area_curve(networks(), *held.canvases, part, centred))


def order(held: Held) -> Held:
    """`held` with the order in which parts can go, computed once a pair. Raises as networks."""
    if held.order:
        return held
    limits, (a, b) = thresholds(), held.canvases
    found = {name: losses(net, limits[name], a, b) for name, net in networks().items()}
    stages = {name: [after(b, lost, i) for i in range(len(lost.steps))] for name, lost in found.items()}
    return replace(held, order=found, stages=stages)


def backdrop(second: Shot, edit: Edit, held: Held | None = None) -> np.ndarray:
    """(EDITOR_SIDE, EDITOR_SIDE, 3) uint8: photo 2's aligned face after the preset alone, where the editor begins.

    Not centred: strokes are drawn where the face is.

    Args:
        held: when it is of this face, nothing is aligned again. Raises as look.
    """
    known = held is not None and held.pair[1] == second.key
    canvas = held.canvases[1] if held is not None and known else Canvas.of(second.face())
    shown = canvas.edited(Edit(edit.part, edit.factor, seed=edit.seed)).image
    return np.asarray(Image.fromarray(shown).resize((EDITOR_SIDE,) * 2, Image.Resampling.BICUBIC))
