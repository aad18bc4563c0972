"""Two photos, the second one partial: the networks behind the tab Partial face, without any of the page.

Networks run in `look`, `curve` and `order`, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from explain.part_loss import AreaCurve, Losses, after, area_curve, losses
from explain.part_weights import NETWORKS, Asked, PartialLook, look_partial
from explain.partial_edit import Canvas, Edit
from models.pair import PairModel
from models.partial_crops import SIDE
from models.weights import Sidecar
from ui.answering import network, sidecar, weight_of
from ui.shots import Shot

NEEDS = NETWORKS[:2]
"""The models this tab cannot do without."""
ZOOM = 3
"""Pixels of the editor's canvas per pixel of the aligned face."""
EDITOR_SIDE = ZOOM * SIDE


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


def thresholds() -> dict[str, float]:
    """Model -> its own threshold. Raises as networks."""
    return {name: row.threshold for name, row in sidecars().items()}


def key_of(first: Shot, second: Shot) -> tuple[object, ...]:
    """Which pair: photos, chosen faces and where their keypoints are."""
    marks = (s.marks[s.chosen].keypoints.tobytes() for s in (first, second))
    return (first.path, first.chosen, second.path, second.chosen, *marks)


@dataclass(frozen=True, eq=False)
class Held:
    """What was found about a pair and does not change with the edit.

    Attributes:
        pair: key_of the photos it is about.
        whole: what the networks said of the whole faces.
        order: model -> the order in which parts can go; empty until it is asked for.
        stages: model -> (160, 160, 3) uint8 after each step of that order.
        curve: of the part that was looked at last; None until it is asked for.
    """

    pair: tuple[object, ...]
    whole: Asked
    order: dict[str, Losses]
    stages: dict[str, list[np.ndarray]]
    curve: AreaCurve | None = None


def look(first: Shot, second: Shot, edit: Edit, held: Held | None = None) -> tuple[PartialLook, Held]:
    """Ask the networks about photo 1 and what the edit leaves of photo 2.

    Args:
        held: when it is of this pair, the whole face is not asked again.

    Raises:
        PhotoError: a photo is no longer there.  WeightError: as networks.
        ValueError: nothing is left of the face, or its keypoints give no alignment.
    """
    pair = key_of(first, second)
    held = held if held and held.pair == pair else None
    canvas = Canvas.of(second.face())
    found = look_partial(networks(), thresholds(), first.face(), canvas, edit, held.whole if held else None)
    return found, held or Held(pair, found.whole, {}, {})


def curve(first: Shot, second: Shot, part: str, centred: bool, held: Held) -> Held:
    """`held` with the curve of a part, computed when it is not the one that is held. Raises as look."""
    known = held.curve
    if known is not None and (known.part, known.centred) == (part, centred):
        return held
    made = area_curve(networks(), first.face(), Canvas.of(second.face()), part, centred)
    return replace(held, curve=made)


def order(first: Shot, second: Shot, held: Held) -> Held:
    """`held` with the order in which parts can go, computed once a pair. Raises as look."""
    if held.order:
        return held
    nets, limits, canvas = networks(), thresholds(), Canvas.of(second.face())
    found = {name: losses(net, limits[name], first.face(), canvas) for name, net in nets.items()}
    stages = {name: [after(canvas, lost, i) for i in range(len(lost.steps))] for name, lost in found.items()}
    return replace(held, order=found, stages=stages)


def backdrop(second: Shot, edit: Edit) -> np.ndarray:
    """(EDITOR_SIDE, EDITOR_SIDE, 3) uint8: photo 2's aligned face after the preset alone, where the editor begins.

    Not centred: strokes are drawn where the face is. Raises as look.
    """
    plain = Edit(edit.part, edit.factor, seed=edit.seed)
    shown = Canvas.of(second.face()).edited(plain).image
    return np.asarray(Image.fromarray(shown).resize((EDITOR_SIDE,) * 2, Image.Resampling.BICUBIC))
