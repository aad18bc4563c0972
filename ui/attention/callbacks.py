"""What the Attention tab does, as plain functions: values in, values for components out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from explain import EXPLAINERS
from explain.attention import render as render_gates
from explain.attention.compare import METHODS, NOTHING, Arm, Comparison, default_map, measured_on_arms, shown
from explain.core import render
from models import WeightError
from models.errors import UserError
from ui.attention import answers as arms
from ui.attention import cards as attention_cards
from ui.shared import cards, doubts
from ui.shared.addresses import Address, Asked, Place, show_sent, tell, unless
from ui.shared.making import file_name, kept, photo_name
from ui.shared.offering import method_title
from ui.shared.photos import Shot, example_shot
from ui.shared.widgets import show_shot

FAILURES = (UserError, ValueError)
WAITING = "The comparison appears here as soon as photo 1 shows a face."
NOTHING_YET = "There is no comparison of these photos to report yet."
EXAMPLES = ("obama_2012.jpg", "obama_2009.jpg")
"""Photo 1 and photo 2 of the example, one person."""
RAW, BY_MEAN = "raw", "mean"
FULL, OWN = "full", "own"
"""Scales of the gates: from 0 to 1, or the values that are there."""
LAYER = "stage2.features"
"""EdgeFace's own, written out: the page comes before any network is imported."""
UNLAYERED = tuple(method for method in METHODS if not EXPLAINERS[method].layers)
"""Methods that read no layer: what the picker still holds of a former one's is nothing to them."""


@dataclass(frozen=True)
class View:
    """How a comparison is looked at: scale, opacity, face, the two arms. Nothing needs a model."""

    scale: str
    opacity: float
    face: int
    left: str
    right: str

    @property
    def by_mean(self) -> bool:
        """Maps are shown in multiples of their own mean."""
        return self.scale == BY_MEAN

    def arms(self, compared: Comparison) -> tuple[Arm, Arm]:
        """The arms on the left and on the right."""
        by_name = {arm.weight: arm for arm in compared.arms}
        return by_name[self.left], by_name[self.right]


def compare(
    first: Shot | None, second: Shot | None, occluder: str, seed: int, method: str, layer: str | None
) -> tuple[Comparison | None, str, str, Any]:
    """Run the three arms -> raw comparison, answer card, what photo 1 wears, the rest of the page shown."""
    if first is None:
        return None, cards.message(WAITING), "", gr.update(visible=False)
    try:
        scene = arms.scene_of(first, second, occluder, int(seed))
        compared = arms.compare(scene, method, layer if method not in UNLAYERED else None)
        found = doubts.about(("photo 1", first), ("photo 2", second))
        card = attention_cards.answer_card(compared, arms.sidecars(), found)
    except FAILURES as error:
        return None, cards.message(str(error), error=True), "", gr.update(visible=False)
    return compared, card, attention_cards.scene_note(scene), gr.update(visible=True)


def draw(compared: Comparison | None, *view: Any) -> list[Any]:
    """draw_maps, the faces to choose from, and a new turn, which fills what is open below; no model runs.

    Args:
        view: the fields of View, in their order.
    """
    faces = gr.skip()
    if compared is not None:
        faces = gr.update(choices=[(t, f) for t, f in zip(compared.titles, (0, 1), strict=True)])
    return [*draw_maps(compared, *view), faces, time.monotonic_ns()]


def draw_maps(compared: Comparison | None, *view: Any) -> list[Any]:
    """Maps of the arms, the two pictures of the slider, their difference; no model runs.

    Args:
        view: as draw.
    """
    if compared is None:
        return [cards.message(WAITING), None, ""]
    seen = View(*view)
    apart = attention_cards.difference_view(
        compared, *seen.arms(compared), seen.face, seen.opacity, by_mean=seen.by_mean
    )
    return [
        attention_cards.maps_view(compared, seen.opacity, by_mean=seen.by_mean),
        slider_pictures(compared, seen),
        apart,
    ]


def slider_pictures(compared: Comparison, view: View) -> Any:
    """The maps of the two arms over the same crop, on the scale of all arms' maps, for the before/after slider."""
    index = view.face
    limit = render.shared_limit(shown([arm.maps[index] for arm in compared.arms], by_mean=view.by_mean))
    crop, pair = attention_cards.enlarged(compared.crops[index]), view.arms(compared)
    pictures = [
        render.overlay(crop, heatmap, opacity=view.opacity, limit=limit)
        for heatmap in shown([arm.maps[index] for arm in pair], by_mean=view.by_mean)
    ]
    return gr.update(value=tuple(pictures), label=f"Left: {pair[0].title}. Right: {pair[1].title}")


def draw_spread(compared: Comparison | None, face: int) -> tuple[Any, str]:
    """Bars and table of what share of each map lies on each region; no model runs."""
    if compared is None:
        return None, ""
    masses = {arm.title: arm.mass[face] for arm in compared.arms}
    bars = render_gates.mass_figure(masses).update_layout(height=340, legend_y=-0.2)
    return bars, attention_cards.mass_table(compared)


def draw_gates(compared: Comparison | None, face: int, opacity: float, scale: str = FULL) -> tuple[str, Any]:
    """The spatial gates over the face, and violins of the channel gates; no model runs."""
    if compared is None:
        return "", None
    gates = {arm.title: arm.gates[face] for arm in compared.arms}
    violins = render_gates.channel_figure(gates, own=scale == OWN).update_layout(height=340)
    view = attention_cards.gates_view(compared, face, opacity, own=scale == OWN)
    return view + attention_cards.flat_gates(compared, face), violins


def untested(opened: bool | None) -> Any:
    """What stands beside new maps while nobody looks how they were tested."""
    return gr.skip() if opened else gr.update(value=cards.message(attention_cards.UNTESTED), elem_classes=[])


def check_maps(first: Shot | None, second: Shot | None, compared: Comparison | None) -> tuple[str, str]:
    """Whether the map of every arm can be trusted, in words, and the areas that say so."""
    if first is None or compared is None:
        return "", ""
    try:
        scene = arms.scene_of(first, second, compared.occluder, compared.seed)
        if not arms.fits(scene, compared):
            return "", ""
        curves = arms.curves(scene, compared)
    except FAILURES as error:
        return cards.message(str(error), error=True), ""
    return attention_cards.verdict(compared, curves), attention_cards.trust_table(compared, curves)


def layer_choices(layers: Sequence[str]) -> list[tuple[str, str]]:
    """(title, layer): "stage2" for "stage2.features", as nearly every layer holds features."""
    return [(layer.removesuffix(".features"), layer) for layer in layers]


def offer_layers(method: str, layer: str | None, asked: Asked | None = None) -> Any:
    """Layer picker of a method; the layer that an address named, or else the present one where the method has it.

    Hidden where there is nothing to choose.
    """
    try:
        found = arms.layers(method)
    except WeightError:
        return gr.skip()  # the answer that follows says what is wrong
    if not found:
        return gr.update(choices=[], value=None, visible=False)
    layer = asked.address.layer if asked is not None and asked.address.layer else layer
    own = LAYER if LAYER in found else found[-1]
    return gr.update(choices=layer_choices(found), value=layer if layer in found else own, visible=True)


def method_choices() -> list[tuple[str, str]]:
    """(title and what was measured, label) of the methods that compare arms, the best measured first."""
    found = measured_on_arms()
    ranked = [default_map(), *found, *METHODS]
    return [(method_title(m, found.get(m)), m) for m in dict.fromkeys(ranked)]


def make_report(
    first: Shot | None, second: Shot | None, compared: Comparison | None, opacity: float
) -> tuple[str | None, str]:
    """Write the report's zip -> its path for the download link, and a line when there is nothing to report."""
    if first is None or compared is None:
        return None, cards.message(NOTHING_YET, error=True)
    try:
        scene = arms.scene_of(first, second, compared.occluder, compared.seed)
        if not arms.fits(scene, compared):
            return None, cards.message(NOTHING_YET, error=True)
        name = file_name("attention", compared.occluder, *(photo_name(s.path) for s in (first, second) if s))
        return kept(name, lambda folder: arms.report(folder, scene, compared, opacity)), ""
    except FAILURES as error:
        return None, cards.message(str(error), error=True)


def another(seed: int) -> int:
    """The next make of an occluder."""
    return int(seed) + 1


def redraws(occluder: str) -> Any:
    """The button for another make, only where something is drawn."""
    return gr.update(visible=occluder != NOTHING)


def example() -> list[Any]:
    """Both photos of the example, of one person: where nothing is worn, too, there is something to compare with."""
    return [value for name in EXAMPLES for value in show_shot(example_shot(name))]


def visit(asked: Asked | None, first: Shot | None) -> list[Any]:
    """What was asked -> outputs of both photos, method. The photo that was sent, else those there, else the example.

    Raises:
        gr.Error: the photo is no longer there.
    """
    if asked is None:
        return [gr.skip()] * 9
    shown = [*show_sent(asked), *[gr.skip()] * 4] if asked.shot or first else example()
    return [*shown, asked.address.method or gr.skip()]


def compare_and_tell(here: Place, asked: Asked | None, *given: Any) -> list[Any]:
    """As compare, and what the browser is told."""
    *_, method, layer = given
    return [*compare(*given), tell(here, asked, method=method, layer=unless(layer, LAYER))]


def layers_of(address: Address) -> list[str]:
    """The layers that an address can name."""
    return arms.layers(address.method or default_map())
