"""What the Attention tab does, as plain functions: values in, values for components out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from explain import EXPLAINERS
from explain.attention import render as render_gates
from explain.attention.compare import METHODS, NOTHING, Arm, Comparison, shown
from explain.core import render
from models import WeightError
from models.errors import UserError
from ui.attention import answers as arms
from ui.attention import cards as attention_cards
from ui.shared import cards
from ui.shared.addresses import Asked, Place, show_sent, tell
from ui.shared.examples import FOLDER
from ui.shared.photos import Shot, take
from ui.shared.widgets import show_shot

FAILURES = (UserError, ValueError)
WAITING = "The comparison appears here as soon as photo 1 shows a face."
EXAMPLE = "obama_2012.jpg"
RAW, BY_MEAN = "raw", "mean"
LAYER = "stage4.features"


@dataclass(frozen=True)
class View:
    """How a comparison is looked at: scale, opacity, face, the two arms. Nothing here needs a model."""

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
        compared = arms.compare(scene, method, layer)
        card = attention_cards.answer_card(compared, arms.sidecars())
    except FAILURES as error:
        return None, cards.message(str(error), error=True), "", gr.update(visible=False)
    return compared, card, attention_cards.scene_note(scene), gr.update(visible=True)


def draw(compared: Comparison | None, scale: str, opacity: float, face: int, left: str, right: str) -> list[Any]:
    """Everything below the answer but its faithfulness: draw_maps, then draw_numbers; no model runs."""
    below = draw_numbers(compared, face)
    if compared is not None:
        below[0] = gr.update(choices=[(t, f) for t, f in zip(compared.titles, (0, 1), strict=True)])
    return [*draw_maps(compared, scale, opacity, face, left, right), *below]


def draw_maps(compared: Comparison | None, scale: str, opacity: float, face: int, left: str, right: str) -> list[Any]:
    """Maps of the arms, the two pictures of the slider, their difference, the spatial gates; no model runs."""
    if compared is None:
        return [cards.message(WAITING), None, "", ""]
    view = View(scale, opacity, face, left, right)
    return [
        attention_cards.maps_view(compared, opacity, by_mean=view.by_mean),
        slider_pictures(compared, view),
        attention_cards.difference_view(compared, *view.arms(compared), face, opacity, by_mean=view.by_mean),
        attention_cards.gates_view(compared, face, opacity),
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


def draw_numbers(compared: Comparison | None, face: int) -> list[Any]:
    """Face picker as it is, bars and table of region mass, violins of the channel gates; no model runs."""
    if compared is None:
        return [gr.skip(), None, "", None]
    masses = {arm.title: arm.mass[face] for arm in compared.arms}
    gates = {arm.title: arm.gates[face] for arm in compared.arms}
    bars = render_gates.mass_figure(masses).update_layout(height=340, legend_y=-0.2)
    violins = render_gates.channel_figure(gates).update_layout(height=340)
    return [gr.skip(), bars, attention_cards.mass_table(compared), violins]


def check_maps(first: Shot | None, second: Shot | None, compared: Comparison | None) -> str:
    """How far the map of every arm can be trusted."""
    if first is None or compared is None:
        return ""
    try:
        scene = arms.scene_of(first, second, compared.occluder, compared.seed)
        return attention_cards.trust_table(compared, arms.curves(scene, compared))
    except FAILURES as error:
        return cards.message(str(error), error=True)


def offer_layers(method: str, layer: str | None) -> Any:
    """Layer picker of a method; the layer stays when the method has it."""
    try:
        found = arms.layers(method)
    except WeightError:
        return gr.skip()  # the answer that follows says what is wrong
    return gr.update(choices=found, value=layer if layer in found else found[-1])


def method_choices() -> list[tuple[str, str]]:
    """(title, label) of the methods that compare arms."""
    return [(EXPLAINERS[m].title, m) for m in METHODS]


def make_report(
    first: Shot | None, second: Shot | None, compared: Comparison | None, opacity: float
) -> tuple[str | None, str]:
    """Write the report's zip -> its path for the download link, and a line when there is nothing to report."""
    if first is None or compared is None:
        return None, cards.message("There is no comparison to report yet.", error=True)
    try:
        scene = arms.scene_of(first, second, compared.occluder, compared.seed)
        with tempfile.TemporaryDirectory() as scratch:
            made = arms.report(Path(scratch) / "kinsight-attention", scene, compared, opacity)
            return save_file_to_cache(made, get_upload_folder()), ""  # where delete_cache finds it
    except FAILURES as error:
        return None, cards.message(str(error), error=True)


def another(seed: int) -> int:
    """The next make of an occluder."""
    return int(seed) + 1


def redraws(occluder: str) -> Any:
    """The button for another make, only where something is drawn."""
    return gr.update(visible=occluder != NOTHING)


def example() -> str:
    """The photo of the example: the page takes it as an upload."""
    return str(FOLDER / EXAMPLE)


def first_visit(first: Shot | None, asked: Asked | None = None) -> Any:
    """The example for whoever comes here with no photo yet; an address sees to it itself."""
    return example() if first is None and asked is None else gr.skip()


def visit(asked: Asked | None, first: Shot | None) -> list[Any]:
    """What was asked -> outputs of photo 1, method. The photo that was sent, else the one there, else the example.

    Raises:
        gr.Error: the photo is no longer there.
    """
    if asked is None:
        return [gr.skip()] * 5
    shown = show_sent(asked) if asked.shot or first else list(show_shot(take(example())))
    return [*shown, asked.address.method or gr.skip()]


def compare_and_tell(here: Place, asked: Asked | None, *given: Any) -> list[Any]:
    """As compare, and what the browser is told."""
    *_, method, _ = given
    return [*compare(*given), tell(here, asked, method=method)]
